import Engine

/// How urgent a request is: the fields that all routes to an engine have.
struct Urgency: Sendable, Equatable {
    /// The smaller, the more urgent.
    var priority = 0
    /// After which it ends as it is (`timeout_ms`).
    var timeout: Duration?

    init() {}

    init(reading fields: inout RequestFields) throws(APIError) {
        let range = GenerationRequest.priorityRange
        priority = try fields.integer("priority", in: Int64(range.lowerBound)...Int64(range.upperBound)) ?? 0
        timeout = try fields.integer("timeout_ms", in: 1...Int64(APILimits.timeoutMillisecondsMax))
            .map { .milliseconds($0) }
    }
}
