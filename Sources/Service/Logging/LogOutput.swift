import Dispatch
import Glibc
import Synchronization

/// Standard error for log lines: lines of any thread leave whole, in order, and nobody waits for a slow reader.
final class LogOutput: Sendable {
    /// Lines that may wait; what comes when so many do is dropped and counted.
    static let waitingMax = 10_000

    static let standardError = LogOutput(descriptor: STDERR_FILENO)

    private let descriptor: Int32
    private let queue = DispatchQueue(label: "apus.log")
    private let state = Mutex((waiting: 0, dropped: 0))

    init(descriptor: Int32) {
        self.descriptor = descriptor
    }

    var isTerminal: Bool { isatty(descriptor) == 1 }

    /// - Parameter line: Ends with a newline.
    func write(_ line: [UInt8]) {
        let isTaken = state.withLock { state in
            guard state.waiting < Self.waitingMax else {
                state.dropped += 1
                return false
            }
            state.waiting += 1
            return true
        }
        guard isTaken else { return }
        queue.async { [self] in
            let dropped = state.withLock { state in
                state.waiting -= 1
                defer { state.dropped = 0 }
                return state.dropped
            }
            if dropped > 0 {
                Self.writeAll(Array("\(dropped) log lines were dropped\n".utf8), to: descriptor)
            }
            Self.writeAll(line, to: descriptor)
        }
    }

    /// Waits until what was written before has left.
    func flush() { queue.sync {} }

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
