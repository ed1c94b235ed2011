import Glibc

/// How much memory this process may still take, from everything that limits it.
struct AvailableMemory: Equatable {
    var bytes: Int
    /// The limit that counts, for the error.
    var limit: String

    /// The text of a file, nil when it cannot be read.
    typealias Files = (String) -> String?

    /// - Parameter files: The machine's own, except in tests.
    static func read(files: Files = { try? SmallFile.read($0, bytesMax: 1 << 20) }) -> AvailableMemory? {
        let limits = [system(files), addressSpace(files)] + controlGroups(files)
        return limits.compactMap { $0 }.min { $0.bytes < $1.bytes }
    }

    /// What the kernel believes can be had without swapping.
    private static func system(_ files: Files) -> AvailableMemory? {
        guard let text = files("/proc/meminfo") else { return nil }
        for line in text.split(separator: "\n") where line.hasPrefix("MemAvailable:") {
            let words = line.split(separator: " ")
            guard words.count >= 2, let kibibytes = Int(words[1]) else { return nil }
            return AvailableMemory(bytes: kibibytes * 1024, limit: "MemAvailable of /proc/meminfo")
        }
        return nil
    }

    /// `ulimit -v`, less what is mapped already.
    private static func addressSpace(_ files: Files) -> AvailableMemory? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit) == 0 else { return nil }
        guard limit.rlim_cur != rlim_t.max, let most = Int(exactly: limit.rlim_cur) else { return nil }
        let text = files("/proc/self/statm") ?? ""
        let pages = text.split(separator: " ").first.flatMap { Int($0) } ?? 0
        return AvailableMemory(
            bytes: max(0, most - pages * Int(getpagesize())), limit: "the address space limit (ulimit -v)")
    }

    /// The limit of the process's own group and of every group above it (cgroup v2, and v1's memory controller).
    private static func controlGroups(_ files: Files) -> [AvailableMemory?] {
        guard let text = files("/proc/self/cgroup") else { return [] }
        var found: [AvailableMemory?] = []
        for line in text.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let isUnified = parts[0] == "0" && parts[1].isEmpty
            guard isUnified || parts[1].split(separator: ",").contains("memory") else { continue }
            let mount = isUnified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory"
            var segments = parts[2].split(separator: "/")
            while true {
                found.append(group(mount + segments.map { "/" + $0 }.joined(), isUnified: isUnified, files))
                if segments.popLast() == nil { break }
            }
        }
        return found
    }

    private static func group(_ path: String, isUnified: Bool, _ files: Files) -> AvailableMemory? {
        let (limitName, usageName) =
            isUnified ? ("memory.max", "memory.current") : ("memory.limit_in_bytes", "memory.usage_in_bytes")
        // "max" means no limit, v1 writes a number near 2^63.
        guard let limit = number(files(path + "/" + limitName)), limit < 1 << 60 else { return nil }
        // The page cache is given back before anything fails.
        let usage = max(
            0, (number(files(path + "/" + usageName)) ?? 0) - reclaimable(files(path + "/memory.stat")))
        return AvailableMemory(bytes: max(0, limit - usage), limit: "the control group's \(limitName)")
    }

    private static func number(_ text: String?) -> Int? {
        text.flatMap { Int($0.prefix { $0 != "\n" }) }
    }

    private static func reclaimable(_ statistics: String?) -> Int {
        guard let statistics else { return 0 }
        for line in statistics.split(separator: "\n") where line.hasPrefix("inactive_file ") {
            return Int(line.dropFirst("inactive_file ".count)) ?? 0
        }
        return 0
    }
}
