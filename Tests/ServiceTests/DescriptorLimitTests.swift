import Glibc
import Testing

@testable import Service

@Suite struct DescriptorLimitTests {
    @Test func `the soft limit is raised to what connections need, and never above the hard one`() throws {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var before = rlimit()
        try #require(getrlimit(resource, &before) == 0)
        defer { setrlimit(resource, &before) }
        var low = before
        low.rlim_cur = min(before.rlim_cur, 600)
        try #require(setrlimit(resource, &low) == 0)
        #expect(DescriptorLimit.makeRoom(forConnections: 100) == Int(low.rlim_cur) - 64)
        if before.rlim_max >= 764 { #expect(DescriptorLimit.makeRoom(forConnections: 700) == 700) }
        if before.rlim_max < 1 << 40 {
            #expect(DescriptorLimit.makeRoom(forConnections: 1 << 40) == Int(before.rlim_max) - 64)
        }
    }
}
