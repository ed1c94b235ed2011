import ModelFiles
import Models
import TestSupport
import Testing

@testable import Service

@Suite struct MemoryFitTests {
    private func file(_ tiny: TinyModel, _ directory: TemporaryDirectory) throws -> GGUFFile {
        try GGUFFile(path: tiny.write(to: directory.file("tiny.gguf")))
    }

    private func available(_ bytes: Int) -> AvailableMemory {
        let files = [
            "/proc/meminfo": "MemAvailable: 1000000000 kB\n", "/proc/self/cgroup": "0::/pod\n",
            "/sys/fs/cgroup/pod/memory.max": "\(bytes + 1000)\n",
            "/sys/fs/cgroup/pod/memory.current": "1000\n",
        ]
        return AvailableMemory.read(files: { files[$0] }) ?? AvailableMemory(bytes: 0, limit: "")
    }

    private func message(_ fit: () throws -> MemoryFit) -> String {
        do {
            return "\(try fit().plan)"
        } catch {
            return "\(error)"
        }
    }

    @Test func `the default budget is the usual one where the control group has room for it`() throws {
        let directory = try TemporaryDirectory()
        let file = try file(.llama, directory)
        let usual = try MemoryPlan(file: file, options: ModelOptions(threads: 1))
        let fit = try MemoryFit(
            file: file, options: ModelOptions(threads: 1), available: available(usual.totalBytes * 2))
        #expect(fit.plan == usual && fit.usualKVBytes == nil)
        #expect(try MemoryFit(file: file, options: ModelOptions(threads: 1), available: nil).plan == usual)
    }

    @Test(arguments: [TinyModel.llama, .gemma3])
    func `the default budget follows from the control group where that has less`(tiny: TinyModel) throws {
        var tiny = tiny
        tiny.contextLength = 4096
        let directory = try TemporaryDirectory()
        let file = try file(tiny, directory)
        let options = ModelOptions(threads: 1)
        let usual = try MemoryPlan(file: file, options: options)
        let fixed = usual.weightBytes + usual.workspaceBytes
        let limit = (fixed + usual.kvBytes / 4) * 100 / 85
        let fit = try MemoryFit(file: file, options: options, available: available(limit))
        #expect(fit.usualKVBytes == usual.kvBytes)
        #expect(abs(fit.plan.kvBytes - usual.kvBytes / 4) <= usual.kv.bytesInAllLayers + 100)
        #expect(fit.plan.totalBytes <= limit / 100 * 85)
        #expect(fit.options.kvBytesMax.map { $0 >= fit.plan.kvBytes } == true)
        // Below what a short conversation needs nothing is started.
        let least = fixed + usual.kv.bytes(positions: MemoryFit.kvTokensMin)
        #expect(
            message { try MemoryFit(file: file, options: options, available: available(least)) }
                .contains("the control group's memory.max leaves"))
    }

    @Test func `a budget that somebody chose is kept, or refused with the numbers`() throws {
        let directory = try TemporaryDirectory()
        let file = try file(.llama, directory)
        let options = ModelOptions(threads: 1, kvBytesMax: 8 << 20)
        let plan = try MemoryPlan(file: file, options: options)
        let fit = try MemoryFit(file: file, options: options, available: available(plan.totalBytes))
        #expect(fit.plan == plan && fit.usualKVBytes == nil)
        let text = message {
            try MemoryFit(file: file, options: options, available: available(plan.totalBytes - 1))
        }
        #expect(text.contains("KV cache 8.0 MiB") && text.contains("--kv-memory"))
        let small = ModelOptions(threads: 1, kvBytesMax: plan.kv.bytesInAllLayers - 1)
        #expect(
            message { try MemoryFit(file: file, options: small, available: nil) }
                .contains("\(plan.kv.bytesInAllLayers - 1) bytes of KV memory; 32 tokens, the least, take"))
    }

    @Test func `the model that embeds leaves less to the KV cache`() throws {
        let directory = try TemporaryDirectory()
        var tiny = TinyModel.llama
        tiny.contextLength = 4096
        let file = try file(tiny, directory)
        try TinyEncoder().write(to: directory)
        let folder = try #require(ModelFolder(path: directory.path))
        let embedder = try EncoderPlan(folder: folder, precision: .high, threads: 1)
        let options = ModelOptions(threads: 1)
        let usual = try MemoryPlan(file: file, options: options)
        let limit = usual.totalBytes * 100 / 85 + 1000
        let alone = try MemoryFit(file: file, options: options, available: available(limit))
        #expect(alone.usualKVBytes == nil)
        let fit = try MemoryFit(file: file, options: options, beside: embedder, available: available(limit))
        #expect(fit.usualKVBytes == usual.kvBytes)
        #expect(fit.plan.totalBytes + embedder.totalBytes <= limit / 100 * 85)
        let given = usual.kvBytes - fit.plan.kvBytes
        #expect(abs(given - embedder.totalBytes) <= usual.kv.bytesInAllLayers + 2000)
        var chosen = options
        chosen.kvBytesMax = usual.kvBytes
        let text = message {
            try MemoryFit(
                file: file, options: chosen, beside: embedder,
                available: available(usual.totalBytes + embedder.totalBytes - 1))
        }
        #expect(text.contains("of the model that embeds, but"))
    }

    @Test func `the budget is told in bytes and positions`() throws {
        let directory = try TemporaryDirectory()
        var options = ModelOptions(threads: 1, contextLength: 512, kvBytesMax: 6 << 20)
        let llama = try MemoryPlan(file: file(.llama, directory), options: options)
        // 2 layers of 2 heads of 16 dimensions: 256 bytes a position.
        #expect(llama.kvText == "6.0 MiB for 24576 tokens")
        let gemma = try MemoryPlan(file: file(.gemma3, directory), options: options)
        // 128 bytes for the one full layer; five that keep two blocks each, 40 KiB.
        #expect(gemma.kvText == "6.0 MiB for 8192 tokens, or 30208 in sequences of 512")
        options.kvType = .q8
        #expect(
            try MemoryPlan(file: file(.llama, directory), options: options).kvText.hasPrefix("6.0 MiB for 43")
        )
    }
}
