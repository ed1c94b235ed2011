import Compute
import Glibc
import TestSupport
import Testing

@testable import Models

@Suite("Summaries of logits") struct LogitsTests {
    @Test("are those of the rows, whatever stands beside them and on any number of threads")
    func ofTheHead() throws {
        let directory = try TemporaryDirectory()
        let path = try TinyModel.llama.write(to: directory.file("tiny.gguf"))
        var summaries: [[Float]] = []
        for threads in 1...3 {
            let model = try TransformerModel.load(
                file: .init(path: path), options: ModelOptions(threads: threads))
            for columns in [1, 3, 9] {
                var batch = StepBatch()
                batch.tokens = (0..<columns).map { 7 + Int32($0) }
                batch.slices = [.init(start: 0, count: columns, position: 0, blocks: [0])]
                batch.outputs = [.init(column: 0, temperature: 0.5, wantsTotal: true)]
                if columns > 1 { batch.outputs.append(.init(column: columns - 1)) }
                let logits = model.forward(batch)
                for row in 0..<logits.count {
                    let made = summary(logits[row])
                    for segment in 0..<logits.segmentCount { logits[row].summarize(segment) }
                    #expect(summary(logits[row]) == made)
                }
                summaries.append(summary(logits[0]))
            }
        }
        #expect(Set(summaries).count == 1)
    }

    @Test("weigh a row whose step made no sums as one whose step did", arguments: [1, 255, 256, 257, 5000])
    func weighing(_ count: Int) {
        var random = SplitMix64(seed: UInt64(count))
        let values = (0..<count).map { _ in Float.random(in: -20...20, using: &random) }
        for temperature in [0.3, 1, 2] as [Float] {
            let scale = LogitRow.scale(temperature: temperature)
            let maximum = values.max() ?? 0
            let exact = values.reduce(0.0) { $0 + exp((Double($1) - Double(maximum)) * Double(scale)) }
            var totals: [Double] = []
            for wanted in [temperature, 0] {
                let logits = filled(values, .init(column: 0, temperature: wanted))
                var weights = [Float](repeating: 0, count: logits.segmentCount)
                totals.append(logits[0].weighSegments(maximum: maximum, scale: scale, weights: &weights))
                #expect(weights.reduce(0.0) { $0 + Double($1) } == totals.last)
            }
            #expect(totals[0] == totals[1])
            #expect(abs(totals[0] - exact) <= 3e-6 * exact)
        }
    }

    @Test("follow changed logits") func changes() {
        let logits = filled([Float](repeating: 1, count: 600), .init(column: 0, wantsTotal: true))
        let row = logits[0]
        row.values[300] = 5
        row.values[599] = 5
        row.summarize(1)
        row.summarize(2)
        #expect(row.maximum == 5 && row.first(of: 5) == 300)
        var tokens = [UInt32](repeating: 0, count: 600)
        #expect(row.select(least: 2, tokens: &tokens) == 2)
        #expect(Array(tokens[..<2]) == [300, 599])
        var weights = [Float](repeating: 0, count: 3)
        let total = row.weighSegments(maximum: 5, scale: 1, weights: &weights)
        #expect(abs(total - (2 + 598 * exp(-4))) < 1e-4)
    }

    private func filled(_ values: [Float], _ output: StepBatch.Output) -> Logits {
        let logits = Logits(vocabularyCount: values.count)
        logits.prepare([output])
        logits[0].values.update(from: values, count: values.count)
        for segment in 0..<logits.segmentCount { logits[0].summarize(segment) }
        return logits
    }

    private func summary(_ row: LogitRow) -> [Float] {
        (0..<row.segmentCount).map { row.maxima[$0] } + (0..<2 * row.segmentCount).map { row.sums[$0] }
            + [row.scales[0], row.scales[1]]
    }
}
