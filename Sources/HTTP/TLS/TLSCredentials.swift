@preconcurrency import Dispatch
import Glibc
import Synchronization

/// The certificates that a server has now: those that were read last and were good.
///
/// They are read again when `reload` is called, and by themselves when the files changed. Connections that are
/// there keep what they began with. When the new files cannot be used, the old certificates stay.
public final class TLSCredentials: Sendable {
    public enum Event: Sendable {
        /// With what there is now.
        case reloaded(String)
        case reloadFailed(TLSError)
        /// A connection ended before its time.
        case connectionFailed(TLSFailure, peer: String)
    }

    /// Counted since the start.
    public struct Counts: Sendable, Equatable {
        public var handshakes = 0
        public var handshakeFailures = 0
        public var reloads = 0
        public var reloadFailures = 0
        /// Until the first of the certificates is no longer valid; negative when that has happened.
        public var secondsToExpiry = 0
    }

    private struct State {
        var context: TLSContext
        var stamps: [FileStamp?]
        /// What the last look saw, when that was a change.
        var changedStamps: [FileStamp?]?
        var counts = Counts()
        var timer: (any DispatchSourceTimer)?
    }

    private let configuration: TLSConfiguration
    private let onEvent: @Sendable (Event) -> Void
    private let state: Mutex<State>
    /// Reading files may block: it is done neither on the I/O loop nor on the pool.
    private let queue = DispatchQueue(label: "apus.tls.files", qos: .utility)

    /// Reads all files.
    ///
    /// - Parameter onEvent: For the log; called from any thread, must return at once.
    public init(
        _ configuration: TLSConfiguration, onEvent: @escaping @Sendable (Event) -> Void = { _ in }
    ) throws(TLSError) {
        self.configuration = configuration
        self.onEvent = onEvent
        let stamps = Self.stamps(configuration)
        let context = try TLSContext(configuration)
        state = Mutex(State(context: context, stamps: stamps))
    }

    /// What there is now, for the log.
    public var summary: String { state.withLock { $0.context.summary } }

    public var counts: Counts {
        let now = Glibc.time(nil)
        return state.withLock { state in
            var counts = state.counts
            counts.secondsToExpiry = state.context.expiresAt - now
            return counts
        }
    }

    // MARK: - Reloading

    /// Reads all files again, for connections to come. Blocks.
    ///
    /// - Returns: What there is now, for the log.
    /// - Throws: Why the new files cannot be used; the old certificates stay.
    @discardableResult
    public func reload() throws(TLSError) -> String {
        // Taken before: what changes while it is read is seen at the next look.
        let stamps = Self.stamps(configuration)
        do throws(TLSError) {
            let context = try TLSContext(configuration)
            state.withLock { state in
                state.context = context
                state.stamps = stamps
                state.counts.reloads += 1
            }
            return context.summary
        } catch {
            state.withLock { state in
                state.stamps = stamps
                state.counts.reloadFailures += 1
            }
            throw error
        }
    }

    /// Looks at the files from time to time, until `stopWatching`.
    func watch() {
        let timer = DispatchSource.makeTimerSource(queue: queue)
        let interval = Int(clamping: configuration.reloadInterval.nanoseconds)
        timer.schedule(
            deadline: .now() + .nanoseconds(interval), repeating: .nanoseconds(interval),
            leeway: .nanoseconds(interval / 8))
        timer.setEventHandler(handler: { @Sendable [weak self] in self?.look() })
        state.withLock { $0.timer = timer }
        timer.activate()
    }

    func stopWatching() {
        let timer = state.withLock { state in
            defer { state.timer = nil }
            return state.timer
        }
        timer?.cancel()
    }

    /// Certificate and key are often written one after the other: what changed has to stay as it is for one
    /// interval before it is read.
    func look() {
        let stamps = Self.stamps(configuration)
        let isDue = state.withLock { state in
            if stamps == state.stamps {
                state.changedStamps = nil
                return false
            }
            defer { state.changedStamps = stamps }
            return state.changedStamps == stamps
        }
        guard isDue else { return }
        do throws(TLSError) {
            onEvent(.reloaded(try reload()))
        } catch {
            onEvent(.reloadFailed(error))
        }
    }

    private static func stamps(_ configuration: TLSConfiguration) -> [FileStamp?] {
        configuration.files.map { FileStamp($0) }
    }

    // MARK: - Connections

    /// nil when there is no memory.
    func makeSession() -> TLSSession? {
        TLSSession(state.withLock { $0.context })
    }

    func handshakeEnded() {
        state.withLock { $0.counts.handshakes += 1 }
    }

    func failed(_ failure: TLSFailure, peer: String) {
        switch failure {
        case .plainHTTP, .handshake, .unfinishedHandshake: state.withLock { $0.counts.handshakeFailures += 1 }
        case .record, .truncated: break
        }
        onEvent(.connectionFailed(failure, peer: peer))
    }
}
