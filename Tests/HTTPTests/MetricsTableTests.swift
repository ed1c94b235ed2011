import Testing

@testable import HTTP

@Suite("Tables of the metrics")
struct MetricsTableTests {
    @Test("Every counter has its line, and none has two")
    func complete() {
        let members = Mirror(reflecting: HTTPCounters.Snapshot()).children.map(\.value)
        #expect(HTTPMetrics.counts.count == members.count { $0 is Int })
        #expect(HTTPMetrics.tables.count == members.count { $0 is [String: Int] })
        let paths = HTTPMetrics.counts.map { $0.value as KeyPath<HTTPCounters.Snapshot, Int> }
        #expect(Set(paths).count == paths.count)
        let names = HTTPMetrics.counts.map(\.name) + HTTPMetrics.tables.map(\.name)
        #expect(Set(names).count == names.count)
    }
}
