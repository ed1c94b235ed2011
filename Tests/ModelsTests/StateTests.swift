import Compute
import ModelFiles
import Models
import TestSupport
import Testing

/// The states of a decoder's columns, of which embeddings are pooled.
@Suite("A decoder's states") struct StateTests {
    private static let lengths = [1, 3, 40, 130]

    @Test("are those of a plain run in double precision", arguments: TinyModelTests.models)
    func agreeWithReference(_ tiny: TinyModel) throws {
        try withModel(tiny) { file in
            let reference = try ReferenceDecoder(file)
            let model = try TransformerModel.load(file: file, options: ModelOptions(threads: 2))
            for length in Self.lengths {
                let tokens = Self.prompt(length, model.vocabularyCount)
                let states = reference.states(tokens)
                for pooling in Pooling.allCases {
                    let positions = pooling.positions(of: length)
                    let expected = (0..<model.stateWidth).map { index in
                        Float(positions.reduce(0.0) { $0 + states[$1][index] })
                    }
                    let similarity = cosine(Self.sums(model, [tokens], pooling)[0], expected)
                    #expect(similarity >= 0.9999, "\(pooling) of \(length): \(similarity)")
                }
            }
        }
    }

    @Test(
        "are summed to the same bits in any company, cut and number of threads",
        arguments: TinyModelTests.models)
    func invariant(_ tiny: TinyModel) throws {
        try withModel(tiny) { file in
            for pooling in Pooling.allCases {
                var sums: [[[Float]]] = []
                for threads in 1...3 {
                    let model = try TransformerModel.load(file: file, options: ModelOptions(threads: threads))
                    let prompts = Self.lengths.map { Self.prompt($0, model.vocabularyCount) }
                    sums.append(prompts.map { Self.sums(model, [$0], pooling)[0] })
                    for chunk in [1, 2, 7, 33, 512] {
                        sums.append(Self.sums(model, prompts, pooling, chunk: chunk))
                    }
                }
                #expect(Set(sums).count == 1, "\(pooling)")
            }
        }
    }

    @Test("are pooled as the file says, by the last token where it says nothing")
    func pooling() throws {
        let directory = try TemporaryDirectory()
        for (value, expected) in [
            (nil, Pooling.last), (0, .last), (1, .mean), (2, .cls), (3, .last), (4, nil),
        ] as [(UInt32?, Pooling?)] {
            var writer = TinyModel.llama.writer()
            if let value { writer.set("llama.pooling_type", .uint32(value)) }
            let path = directory.file("tiny.gguf")
            try writer.write(to: path)
            let metadata = try GGUFFile(path: path).metadata
            if let expected {
                #expect(try Pooling(metadata) == expected)
            } else {
                #expect(throws: ModelFileError.self) { try Pooling(metadata) }
            }
        }
    }

    // MARK: -

    private func withModel(_ tiny: TinyModel, _ body: (GGUFFile) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try body(GGUFFile(path: tiny.write(to: directory.file("tiny.gguf"))))
    }

    private static func prompt(_ length: Int, _ vocabularyCount: Int) -> [TokenID] {
        var random = SplitMix64(seed: UInt64(length))
        return (0..<length).map { _ in TokenID.random(in: 3..<TokenID(vocabularyCount - 1), using: &random) }
    }

    /// The sums of several prompts' states, side by side in steps of so many columns each. [prompt][width]
    private static func sums(
        _ model: TransformerModel, _ prompts: [[TokenID]], _ pooling: Pooling, chunk: Int = 512
    ) -> [[Float]] {
        let sums = prompts.map { _ in StateSum(width: model.stateWidth) }
        var position = 0
        while let longest = prompts.map(\.count).max(), position < longest {
            var batch = StepBatch()
            for (index, tokens) in prompts.enumerated() where position < tokens.count {
                let count = min(chunk / prompts.count + 1, tokens.count - position)
                let start = batch.tokens.count
                let blocks = (0..<8).map { Int32(index * 8 + $0) }
                batch.slices.append(
                    .init(
                        start: start, count: count, position: position, blocks: blocks, windowBlocks: blocks))
                batch.tokens += tokens[position..<position + count]
                let wanted = pooling.positions(of: tokens.count).clamped(to: position..<position + count)
                if !wanted.isEmpty {
                    let first = start + wanted.lowerBound - position
                    batch.sums.append(
                        .init(columns: first..<first + wanted.count, states: sums[index]))
                } else {
                    batch.outputs.append(.init(column: start))
                }
            }
            _ = model.forward(batch)
            position += chunk / prompts.count + 1
        }
        return sums.map { sum in (0..<sum.width).map { sum.values[$0] } }
    }
}
