import Glibc

/// What the system says of this process, under the names that every Prometheus client library uses.
///
/// These are questions to the kernel, some microseconds each; nothing here reads a disk.
public struct ProcessFigures: Sendable {
    /// Seconds since 1970.
    private let startedAt: Double

    public init() {
        startedAt = Self.startTime()
    }

    public func write(to text: inout PrometheusText) {
        text.family(
            "process_cpu_seconds_total", .counter, "Processor time used, of all threads.",
            Self.seconds(of: CLOCK_PROCESS_CPUTIME_ID))
        if let (virtual, resident) = Self.memory() {
            text.family(
                "process_resident_memory_bytes", .gauge, "Memory in use, mapped files included.", resident)
            text.family("process_virtual_memory_bytes", .gauge, "Address space in use.", virtual)
        }
        if let count = Self.openFiles() {
            text.family("process_open_fds", .gauge, "Open file descriptors.", count)
        }
        if let most = Self.openFilesMax() {
            text.family("process_max_fds", .gauge, "Most file descriptors that may be open.", most)
        }
        text.family(
            "process_start_time_seconds", .gauge, "When the process started, in seconds since 1970.",
            startedAt)
    }

    private static func seconds(of clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// proc(5): `/proc/self/statm` begins with the size and the resident size, in pages.
    private static func memory() -> (virtual: Int, resident: Int)? {
        let pages = numbers(in: "/proc/self/statm")
        let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
        guard pages.count >= 2 else { return nil }
        return (pages[0] &* pageBytes, pages[1] &* pageBytes)
    }

    /// Since Linux 6.2 the size of this directory is the number of its entries; before, it is 0 and they are counted.
    private static func openFiles() -> Int? {
        var facts = stat()
        guard stat("/proc/self/fd", &facts) == 0 else { return nil }
        if facts.st_size > 0 { return Int(facts.st_size) }
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        var count = 0
        while readdir(directory) != nil { count += 1 }
        // Not `.`, `..` and the directory itself.
        return max(0, count - 3)
    }

    private static func openFilesMax() -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return Int(clamping: limit.rlim_cur)
    }

    /// proc(5): the 22nd field of `/proc/self/stat` is the start in clock ticks since the system's.
    private static func startTime() -> Double {
        let now = seconds(of: CLOCK_REALTIME)
        // The second field is a name in parentheses, which may hold anything; the third is a letter.
        let fields = numbers(in: "/proc/self/stat", after: UInt8(ascii: ")"))
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        guard fields.count > 19 else { return now }
        return now - seconds(of: CLOCK_BOOTTIME) + Double(fields[19]) / ticks
    }

    /// The fields of a small file of /proc that are separated by spaces; 0 for what is no number.
    private static func numbers(in path: String, after mark: UInt8? = nil) -> [Int] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return [] }
        defer { close(descriptor) }
        var buffer = [UInt8](repeating: 0, count: 1024)
        let count = read(descriptor, &buffer, buffer.count)
        guard count > 0 else { return [] }
        var text = buffer[..<count]
        if let mark, let end = text.lastIndex(of: mark) { text = text[(end + 1)...] }
        return text.split { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\n") }
            .map { Int(String(decoding: $0, as: UTF8.self)) ?? 0 }
    }
}
