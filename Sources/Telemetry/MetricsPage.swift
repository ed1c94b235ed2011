import Synchronization

/// What `/metrics` shows: sections, each written by the part of the house whose figures it holds.
public final class MetricsPage: Sendable {
    /// Writes whole families. It is called at each scrape, on the I/O loop, so it reads atomics and waits for nothing.
    public typealias Section = @Sendable (inout PrometheusText) -> Void

    private let sections = Mutex<[Section]>([])

    public init() {}

    public func add(_ section: @escaping Section) {
        sections.withLock { $0.append(section) }
    }

    public func render() -> [UInt8] {
        var text = PrometheusText()
        for section in sections.withLock({ $0 }) { section(&text) }
        return text.bytes
    }
}
