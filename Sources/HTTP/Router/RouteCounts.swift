import Synchronization
import Telemetry

/// How often a route was answered, by status. Any thread counts and reads.
final class RouteCounts: Sendable {
    private static let codes = 100...599

    /// Empty for requests that no route took: unknown paths, refusals.
    let pattern: String
    let method: String
    /// [code - 100], and last the requests whose client went before any answer.
    private let counts = InlineArray<501, Atomic<Int>> { _ in Atomic(0) }

    init(pattern: String = "", method: String = "") {
        self.pattern = pattern
        self.method = method
    }

    /// - Parameter status: Nil when the client was gone before any.
    func count(_ status: HTTPStatus?) {
        counts[Self.index(status?.code)].wrappingAdd(1, ordering: .relaxed)
    }

    /// What was counted, by status. A client that went counts as 499, as nginx writes it.
    func write(to text: inout PrometheusText) {
        for index in 0..<counts.count {
            let count = counts[index].load(ordering: .relaxed)
            guard count > 0 else { continue }
            let code = index + Self.codes.lowerBound
            text.sample(
                count,
                [
                    ("route", pattern), ("method", method),
                    ("status", Self.codes.contains(code) ? String(code) : "499"),
                ])
        }
    }

    private static func index(_ code: Int?) -> Int {
        guard let code, codes.contains(code) else { return codes.count }
        return code - codes.lowerBound
    }
}
