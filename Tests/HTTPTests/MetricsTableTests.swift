import Testing

@testable import HTTP

@Suite("Tables of the metrics")
struct MetricsTableTests {
    @Test("Every counter has its line, and none has two")
    func complete() {
        let members = Mirror(reflecting: HTTPCounters.Snapshot()).children.map(\.value)
        #expect(HTTPMetrics.counts.count == members.count { $0 is Int })
        #expect(HTTPMetrics.tables.count == members.count { $0 is [String: Int] })
        #expect(Set(HTTPMetrics.counts.map(\.value)).count == HTTPMetrics.counts.count)
        let names = HTTPMetrics.counts.map(\.name) + HTTPMetrics.tables.map(\.name)
        #expect(Set(names).count == names.count)
    }
}
