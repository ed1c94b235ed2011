import Dispatch
import Glibc
import Synchronization

/// Standard error for log lines: lines of any thread leave whole, in order, and nobody waits for a slow reader.
///
/// What is written within `gatheringTime` leaves in one write: a line costs its bytes, not a system call and the waking
/// of a thread.
final class LogOutput: Sendable {
    static let gatheringTime = DispatchTimeInterval.milliseconds(5)

    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private struct State {
        var waiting: [UInt8] = []
        var droppedLines = 0
        /// `drain` will be called.
        var isDue = false
    }

    private let descriptor: Int32
    /// Bytes that may wait for a slow reader; lines that come when so many do are dropped and counted.
    private let waitingBytesMax: Int
    private let gatheringTime: DispatchTimeInterval
    private let queue = DispatchQueue(label: "apus.log")
    private let state = Mutex(State())

    init(
        descriptor: Int32, waitingBytesMax: Int = 4 << 20,
        gatheringTime: DispatchTimeInterval = LogOutput.gatheringTime
    ) {
        self.descriptor = descriptor
        self.waitingBytesMax = waitingBytesMax
        self.gatheringTime = gatheringTime
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// - Parameter line: Ends with a newline.
    func write(_ line: [UInt8]) {
        let mustSchedule = state.withLock { state in
            guard state.waiting.count < waitingBytesMax else {
                state.droppedLines += 1
                return false
            }
            state.waiting.append(contentsOf: line)
            defer { state.isDue = true }
            return !state.isDue
        }
        guard mustSchedule else { return }
        queue.asyncAfter(deadline: .now() + gatheringTime) { [self] in drain() }
    }

    /// Waits until what was written before has left.
    func flush() { queue.sync { drain() } }

    private func drain() {
        let taken = state.withLock { state in
            defer { state = State() }
            return state
        }
        Self.writeAll(taken.waiting, to: descriptor)
        if taken.droppedLines > 0 {
            Self.writeAll(Array("\(taken.droppedLines) log lines were dropped\n".utf8), to: descriptor)
        }
    }

    /// Writes all bytes; an error ends it, for there is nobody to tell.
    static func writeAll(_ bytes: [UInt8], to descriptor: Int32) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
