import Compute
import Glibc
import ModelFiles
import Models
import TestSupport
import Testing

@Suite("A tiny model") struct TinyModelTests {
    static let models = [TinyModel.llama, TinyModel.gemma3]

    @Test("gives a column the same bits alone, in a batch, and however its prompt is cut", arguments: models)
    func batchInvariant(_ tiny: TinyModel) throws {
        for precision in Precision.allCases {
            let model = try load(tiny, precision)
            let prompts = (0..<5).map {
                prompt(length: 70 + $0 * 9, seed: UInt64($0 + 1), model.vocabularyCount)
            }
            let alone = prompts.enumerated().map { index, tokens in
                SingleSequence(model, firstBlock: index * 8).run(tokens, all: true)
            }
            for chunk in [1, 2, 7, 16, 33] {
                let cut = SingleSequence(model, firstBlock: 40).run(prompts[0], chunk: chunk, all: true)
                #expect(cut == alone[0], "chunks of \(chunk), \(precision)")
            }
            #expect(together(model, prompts) == alone.map { $0[$0.count - 1] }, "\(precision)")
        }
    }

    @Test("gives the same bits on any number of threads", arguments: models)
    func threadInvariant(_ tiny: TinyModel) throws {
        let tokens = prompt(length: 90, seed: 3, tiny.vocabulary.tokens.count)
        let reference = SingleSequence(try load(tiny, .q8, threads: 1)).run(tokens, chunk: 40, all: true)
        for threads in [2, 3, 5] {
            #expect(
                SingleSequence(try load(tiny, .q8, threads: threads)).run(tokens, chunk: 40, all: true)
                    == reference)
        }
    }

    @Test("agrees with the scalar kernels", arguments: models)
    func agreesWithPortable(_ tiny: TinyModel) throws {
        let tokens = prompt(length: 50, seed: 4, tiny.vocabulary.tokens.count)
        let fast = SingleSequence(try load(tiny, .high)).run(tokens, all: true)
        let plain = SingleSequence(try load(tiny, .high, kernels: .portable)).run(tokens, all: true)
        for (a, b) in zip(fast, plain) {
            #expect(zip(a, b).allSatisfy { abs($0 - $1) < 4e-3 * max(1, abs($1)) })
        }
    }

    @Test("sees only its window in the sliding layers, and all in the others")
    func slidingWindow() throws {
        var tiny = TinyModel.gemma3
        tiny.layerCount = 1  // sliding: one layer can only look back as far as its window
        let model = try load(tiny, .high)
        var tokens = prompt(length: 40, seed: 5, model.vocabularyCount)
        let before = try #require(SingleSequence(model).run(tokens).last)
        tokens[tokens.count - 1 - tiny.slidingWindow] += 1
        #expect(SingleSequence(model).run(tokens).last == before, "one position beyond the window")
        tokens[tokens.count - tiny.slidingWindow] += 1
        #expect(SingleSequence(model).run(tokens).last != before, "the last position of the window")

        var full = TinyModel.llama
        full.layerCount = 1
        let far = try load(full, .high)
        var text = prompt(length: 40, seed: 6, far.vocabularyCount)
        let whole = try #require(SingleSequence(far).run(text).last)
        text[0] += 1
        #expect(SingleSequence(far).run(text).last != whole)
    }

    @Test(
        "needs of the sliding layers' blocks only those of the window and the step",
        arguments: [1, 8, 40, 64, 100])
    func windowRing(_ window: Int) throws {
        var tiny = TinyModel.gemma3
        tiny.slidingWindow = window
        let model = try load(tiny, .high)
        let group = try #require(model.kvGeometry.window)
        #expect(group.positions == window && group.bytesPerBlock == 5 * model.kvGeometry.bytesPerBlock)
        let tokens = prompt(length: 300, seed: 11, model.vocabularyCount)
        let whole = SingleSequence(model).run(tokens, chunk: 300, all: true)
        // Between steps a sequence keeps the blocks that its window touches; a step of 32 columns adds one.
        let ring = SingleSequence(model, firstBlock: 100, windowRing: group.blocksMax + 1)
        #expect(ring.run(tokens, chunk: 32, all: true) == whole)
        let narrow = SingleSequence(model, firstBlock: 200, windowRing: group.blocksMax)
        #expect(narrow.run(tokens, chunk: 1, all: true) == whole)
    }

    @Test(
        "shares a long context between threads, and gives the bits of one thread", arguments: models,
        KVType.allCases)
    func longContext(_ tiny: TinyModel, _ kvType: KVType) throws {
        var long = tiny
        long.contextLength = 2048
        let tokens = prompt(length: 1200, seed: 9, tiny.vocabulary.tokens.count)
        let answers = try [1, 2, 3].map { threads in
            let sequence = SingleSequence(try load(long, .q8, threads: threads, kvType: kvType))
            _ = sequence.run(tokens)
            return (0..<3).flatMap { sequence.run([TokenID(5 + $0)]) }
        }
        #expect(answers[1] == answers[0])
        #expect(answers[2] == answers[0])
        let whole = SingleSequence(try load(long, .q8, kvType: kvType))
        #expect(whole.run(tokens + [5, 6, 7], all: true).suffix(3) == answers[0][...])
    }

    @Test(
        "computes nearly the same with keys and values of 8 bits, in little more than half the memory",
        arguments: models)
    func eightBitCache(_ tiny: TinyModel) throws {
        let tokens = prompt(length: 90, seed: 10, tiny.vocabulary.tokens.count)
        let (full, small) = (try load(tiny, .high), try load(tiny, .high, kvType: .q8))
        #expect(small.kvGeometry.bytesPerBlock * 100 <= full.kvGeometry.bytesPerBlock * 57)
        let exact = SingleSequence(full).run(tokens, all: true)
        let near = SingleSequence(small).run(tokens, all: true)
        #expect(near != exact)
        let divergences = zip(exact, near).map { a, b in
            zip(logSoftmax(a), logSoftmax(b)).reduce(0.0) { $0 + exp($1.0) * ($1.0 - $1.1) }
        }
        #expect(divergences.reduce(0, +) / Double(divergences.count) < 1e-3)
    }

    @Test("goes on from copied blocks as from its own", arguments: models, KVType.allCases)
    func copiedBlocks(_ tiny: TinyModel, _ kvType: KVType) throws {
        let model = try load(tiny, .q8, kvType: kvType)
        let tokens = prompt(length: 45, seed: 7, model.vocabularyCount)
        let original = SingleSequence(model)
        _ = original.run(tokens)
        for group in KVGroup.allCases where group == .full || model.kvGeometry.window != nil {
            model.copyBlock(group, from: 0, to: 20, tokens: 32)
            model.copyBlock(group, from: 1, to: 21, tokens: 13)
        }
        let expected = original.run([5])
        var batch = StepBatch()
        batch.tokens = [5]
        batch.slices = [
            .init(start: 0, count: 1, position: 45, blocks: [20, 21], windowBlocks: [20, 21])
        ]
        batch.outputs = [.init(column: 0)]
        #expect(model.forward(batch).rows == expected)
    }

    @Test("runs with matrices of every type", arguments: TensorType.allCases)
    func everyType(_ type: TensorType) throws {
        var tiny = TinyModel.llama
        if type.blockElements == 256 {
            (tiny.embeddingLength, tiny.feedForwardLength, tiny.headLength) = (256, 256, 64)
        }
        tiny.matrixType = type
        let model = try load(tiny, .high)
        let logits = try #require(
            SingleSequence(model).run(prompt(length: 20, seed: 8, model.vocabularyCount)).last)
        #expect(logits.allSatisfy { $0.isFinite })
        #expect(Set(logits).count > 100)
    }

    // MARK: -

    private func load(
        _ tiny: TinyModel, _ precision: Precision, threads: Int = 2, kernels: Kernels = .best,
        kvType: KVType = .f16
    ) throws -> TransformerModel {
        let directory = try TemporaryDirectory()
        let file = try GGUFFile(path: tiny.write(to: directory.file("tiny.gguf")))
        var options = ModelOptions(precision: precision, threads: threads)
        options.kvType = kvType
        return try TransformerModel.load(file: file, options: options, kernels: kernels)
    }

    private func prompt(length: Int, seed: UInt64, _ vocabulary: Int) -> [TokenID] {
        var random = SplitMix64(seed: seed)
        return (0..<length).map { _ in TokenID.random(in: 3..<TokenID(vocabulary - 1), using: &random) }
    }

    /// The last logits of several prompts, run side by side in steps of uneven pieces.
    private func together(_ model: TransformerModel, _ prompts: [[TokenID]]) -> [[Float]] {
        var last = [[Float]](repeating: [], count: prompts.count)
        var done = [Int](repeating: 0, count: prompts.count)
        var step = 0
        while zip(done, prompts).contains(where: { $0 < $1.count }) {
            var batch = StepBatch()
            var finishing: [Int] = []
            for (index, tokens) in prompts.enumerated() where done[index] < tokens.count {
                let count = min(tokens.count - done[index], 1 + (step * 7 + index * 5) % 19)
                batch.slices.append(
                    .init(
                        start: batch.tokens.count, count: count, position: done[index],
                        blocks: (0..<8).map { Int32(64 + index * 8 + $0) },
                        windowBlocks: (0..<8).map { Int32(64 + index * 8 + $0) }))
                batch.tokens += tokens[done[index]..<done[index] + count]
                done[index] += count
                if done[index] == tokens.count {
                    finishing.append(index)
                    batch.outputs.append(.init(column: batch.tokens.count - 1))
                }
            }
            let rows = model.forward(batch).rows
            for (row, index) in finishing.enumerated() {
                last[index] = rows[row]
            }
            step += 1
        }
        return last
    }
}
