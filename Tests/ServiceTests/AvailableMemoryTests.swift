import Testing

@testable import Service

@Suite struct AvailableMemoryTests {
    private let meminfo = "MemTotal: 2000 kB\nMemFree: 10 kB\nMemAvailable:    1000 kB\n"

    @Test func `the kernel's estimate counts where nothing else limits`() throws {
        let files = ["/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/\n"]
        let memory = try #require(AvailableMemory.read(files: { files[$0] }))
        #expect(memory.bytes == 1000 * 1024)
        #expect(memory.limit.contains("MemAvailable"))
    }

    @Test func `a control group above the process's own counts, less what it uses and cannot give back`()
        throws
    {
        let files = [
            "/proc/meminfo": meminfo, "/proc/self/cgroup": "0::/a/b\n",
            "/sys/fs/cgroup/a/memory.max": "600000\n", "/sys/fs/cgroup/a/memory.current": "200000\n",
            "/sys/fs/cgroup/a/memory.stat": "anon 1\ninactive_file 50000\n",
            "/sys/fs/cgroup/a/b/memory.max": "max\n",
        ]
        let memory = try #require(AvailableMemory.read(files: { files[$0] }))
        #expect(memory == AvailableMemory(bytes: 450_000, limit: "the control group's memory.max"))
    }

    @Test func `version 1 of control groups counts too`() throws {
        let files = [
            "/proc/meminfo": meminfo, "/proc/self/cgroup": "5:cpu:/x\n4:memory:/x\n",
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes": "300000\n",
            "/sys/fs/cgroup/memory/x/memory.usage_in_bytes": "100000\n",
        ]
        #expect(AvailableMemory.read(files: { files[$0] })?.bytes == 200_000)
    }

    @Test func `without any of the files nothing is known`() {
        let files: [String: String] = [:]
        #expect(AvailableMemory.read(files: { files[$0] }) == nil)
    }
}
