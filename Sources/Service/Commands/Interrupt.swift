import Glibc
import HTTP
import Synchronization

/// What Ctrl-C means at the moment; nothing when no answer runs.
final class Interrupt: Sendable {
    private final class Action: Sendable {
        let action = Mutex<(@Sendable () -> Void)?>(nil)
    }

    private let current = Action()
    private let watcher: SignalWatcher

    init() {
        let current = current
        watcher = SignalWatcher([SIGINT]) { _, _ in current.action.withLock { $0 }?() }
    }

    func set(_ action: (@Sendable () -> Void)?) { current.action.withLock { $0 = action } }
}
