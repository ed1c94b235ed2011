import Glibc
import Synchronization

/// A bar on a terminal while a model loads; silent elsewhere.
final class LoadProgress: Sendable {
    private static let width = 30

    private let isShown: Bool
    private let shownPercent = Mutex(-1)

    init(isShown: Bool = isatty(STDERR_FILENO) == 1) {
        self.isShown = isShown
    }

    /// - Parameter fraction: 0 ... 1
    func report(_ fraction: Double) {
        guard isShown else { return }
        let percent = Int(min(1, max(0, fraction)) * 100)
        let isNews = shownPercent.withLock { shown in
            defer { shown = percent }
            return shown != percent
        }
        guard isNews else { return }
        let done = percent * Self.width / 100
        let bar = String(repeating: "#", count: done) + String(repeating: ".", count: Self.width - done)
        LogOutput.writeAll(Array("\rloading [\(bar)] \(percent) %".utf8), to: STDERR_FILENO)
    }

    /// Takes the bar away.
    func end() {
        guard isShown, shownPercent.withLock({ $0 >= 0 }) else { return }
        LogOutput.writeAll(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
    }
}
