import ModelFiles
import Models
import TestSupport
import Testing

/// Steps that leave prompts undone because they are late.
@Suite("A step that is late") struct StepDeadlineTests {
    @Test(
        "gives those who decode the same bits, and the prompts theirs in the next step",
        arguments: TinyModelTests.models,
        1...3)
    func isCut(_ tiny: TinyModel, threads: Int) throws {
        let directory = try TemporaryDirectory()
        let file = try GGUFFile(path: tiny.write(to: directory.file("tiny.gguf")))
        var expected: (rows: [[Float]], sum: [Float])?
        for layer in 0...tiny.layerCount {
            let model = try TransformerModel.load(file: file, options: ModelOptions(threads: threads))
            let work = Work(model)
            // Late from this layer's end on; layer 0 is never.
            var asked = 0
            let deadline = StepDeadline(
                keptSlices: Work.decoders,
                now: {
                    asked += 1
                    return asked == layer ? 1000 : 0
                }, start: 0, expected: 500, latest: 700)
            let cut = work.run(deadline: layer == 0 ? nil : deadline)
            guard let expected else {
                expected = cut
                continue
            }
            let share = Double(layer) / Double(tiny.layerCount)
            guard share <= 0.75 else {
                #expect(!deadline.isMissed && cut == expected, "nothing is left in layer \(layer)")
                continue
            }
            #expect(deadline.isMissed && deadline.computedShare == share)
            #expect(cut.rows.prefix(Work.decoders) == expected.rows.prefix(Work.decoders), "layer \(layer)")
            #expect(cut.sum.allSatisfy { $0 == 0 })
            let rest = work.runPrompts()
            #expect(rest.rows == expected.rows.suffix(1) && rest.sum == expected.sum, "after layer \(layer)")
        }
    }

    @Test(
        "is one that will end too late at the speed that was expected, and has a quarter of its layers to go")
    func isDecided() {
        var time: UInt64 = 0
        let deadline = StepDeadline(keptSlices: 1, now: { time }, start: 50, expected: 100, latest: 120)
        time = 50 + 60
        #expect(!deadline.decide(after: 0.5) && !deadline.isMissed)
        time = 50 + 200
        #expect(!deadline.decide(after: 0.8) && deadline.computedShare == 1)
        time = 50 + 71
        #expect(deadline.decide(after: 0.5) && deadline.isMissed && deadline.computedShare == 0.5)
    }

    /// Five sequences that decode, and two prompts: one whose last column has an output, one whose states are summed.
    private struct Work {
        static let decoders = 5
        private let model: TransformerModel
        private let sum: StateSum
        private let prompts: [[TokenID]]

        init(_ model: TransformerModel) {
            self.model = model
            sum = StateSum(width: model.stateWidth)
            var random = SplitMix64(seed: 11)
            prompts = (0..<Self.decoders + 2).map { index in
                (0..<20 + index * 9).map { _ in
                    TokenID.random(in: 3..<TokenID(model.vocabularyCount - 1), using: &random)
                }
            }
            for index in 0..<Self.decoders {
                var batch = StepBatch()
                add(index, prompts[index].indices.dropLast(), to: &batch)
                _ = model.forward(batch)
            }
        }

        func run(deadline: StepDeadline?) -> (rows: [[Float]], sum: [Float]) {
            var batch = StepBatch()
            for index in 0..<Self.decoders {
                batch.outputs.append(.init(column: index))
                add(index, prompts[index].indices.suffix(1), to: &batch)
            }
            addPrompts(to: &batch)
            batch.deadline = deadline
            return result(batch)
        }

        func runPrompts() -> (rows: [[Float]], sum: [Float]) {
            var batch = StepBatch()
            addPrompts(to: &batch)
            return result(batch)
        }

        private func addPrompts(to batch: inout StepBatch) {
            add(Self.decoders, prompts[Self.decoders].indices, to: &batch)
            batch.outputs.append(.init(column: batch.tokens.count - 1))
            let first = batch.tokens.count
            add(Self.decoders + 1, prompts[Self.decoders + 1].indices, to: &batch)
            batch.sums.append(.init(columns: first..<batch.tokens.count, states: sum))
        }

        private func add(_ index: Int, _ positions: Range<Int>, to batch: inout StepBatch) {
            let blocks = (0..<4).map { Int32(index * 4 + $0) }
            batch.slices.append(
                .init(
                    start: batch.tokens.count, count: positions.count, position: positions.lowerBound,
                    blocks: blocks,
                    windowBlocks: blocks))
            batch.tokens += prompts[index][positions]
        }

        private func result(_ batch: StepBatch) -> (rows: [[Float]], sum: [Float]) {
            let rows = model.forward(batch).rows
            return (rows, (0..<sum.width).map { sum.values[$0] })
        }
    }
}
