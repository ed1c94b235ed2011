import Glibc
import HTTP
import Synchronization
import Testing

/// What a connection costs while nothing happens on it. The clients are in this process too, and hold nothing but a
/// descriptor.
@Suite("Footprint", .serialized)
struct FootprintTests {
    private static let count = 1_000
    private static let bytesEachMax = 16 << 10

    private func measure(_ request: String, until mark: String) async throws -> (bytesEach: Int, cpu: Double)
    {
        var descriptors = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
        descriptors.rlim_cur = min(descriptors.rlim_max, 65_536)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &descriptors)
        var limits = HTTPLimits()
        limits.connectionsMax = Self.count + 100
        let result = Mutex<(bytesEach: Int, cpu: Double)?>(nil)
        try await withServer(limits: limits) { port, _, _ in
            func open(_ count: Int) throws -> [RawClient] {
                try (0..<count).map { _ in
                    let client = try RawClient(port: port)
                    try client.send(request)
                    _ = try client.receive(through: mark)
                    return client
                }
            }
            // What the first ones make the process allocate for good is not theirs.
            let first = try open(50)
            let before = try anonymousBytes()
            let clients = try open(Self.count)
            let cpu = clock()
            sleep(2)
            let used = Double(clock() - cpu) / Double(CLOCKS_PER_SEC) / 2
            let bytes = try anonymousBytes() - before
            result.withLock { $0 = (bytes / Self.count, used) }
            withExtendedLifetime((first, clients)) {}
        }
        return try #require(result.withLock { $0 })
    }

    /// Resident memory that no file stands behind (proc(5)).
    private func anonymousBytes() throws -> Int {
        let file = try #require(fopen("/proc/self/status", "r"))
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 256)
        while fgets(&buffer, Int32(buffer.count), file) != nil {
            let line = String(decoding: buffer.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            guard line.hasPrefix("RssAnon:") else { continue }
            return try #require(Int(line.filter(\.isNumber))) << 10
        }
        throw RawClient.Failure(description: "no RssAnon in /proc/self/status")
    }

    @Test("A connection between two requests holds at most 16 KiB and needs no time")
    func idleConnections() async throws {
        let found = try await measure("GET /health HTTP/1.1\r\nHost: h\r\n\r\n", until: "\"ok\"}")
        #expect(found.bytesEach <= Self.bytesEachMax)
        #expect(found.cpu < 0.02)
    }

    @Test("A stream on which nothing is said holds at most 16 KiB and needs no time")
    func silentStreams() async throws {
        let found = try await measure("GET /quiet HTTP/1.1\r\nHost: h\r\n\r\n", until: "\r\n\r\n")
        #expect(found.bytesEach <= Self.bytesEachMax)
        #expect(found.cpu < 0.02)
    }
}
