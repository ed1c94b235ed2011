import Synchronization
import Telemetry

/// What the engine's thread measures of its requests and steps. It writes, without a lock; anybody reads.
final class EngineMetrics: Sendable {
    /// How an answer ended, as it is counted.
    enum Ending: String, CaseIterable {
        /// A stop token, or a stop string that the caller found.
        case stop, length, timeout, cancelled, failed

        init(_ reason: FinishReason) {
            self =
                switch reason {
                case .stopToken: .stop
                case .length: .length
                case .timeout: .timeout
                case .cancelled: .cancelled
                case .failed: .failed
                }
        }
    }

    private static let waits: [Double] = [
        1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 120_000, 300_000,
    ]
    private static let paces: [Double] = [
        1, 2, 3, 5, 7.5, 10, 15, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000, 2500, 5000, 10_000,
    ]

    /// From submission to the first token.
    let firstToken = DurationHistogram(milliseconds: waits)
    /// Between two steps that gave the same answer tokens.
    let interToken = DurationHistogram(milliseconds: paces)
    /// From submission to the last event.
    let request = DurationHistogram(milliseconds: waits)
    /// From submission to admission.
    let queue = DurationHistogram(milliseconds: waits)
    let step = DurationHistogram(milliseconds: paces)
    private let endings = InlineArray<5, Atomic<Int>> { _ in Atomic(0) }
    /// Of the thread.
    let round = RoundTimer()

    func ended(_ ending: Ending) {
        guard let index = Ending.allCases.firstIndex(of: ending) else { return }
        endings[index].wrappingAdd(1, ordering: .relaxed)
    }

    func count(of ending: Ending) -> Int {
        Ending.allCases.firstIndex(of: ending).map { endings[$0].load(ordering: .relaxed) } ?? 0
    }
}
