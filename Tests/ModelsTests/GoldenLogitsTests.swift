import Compute
import Glibc
import JSON
import ModelFiles
import Models
import Testing

/// Full-precision forwards of the two models: weights dequantised exactly, f32 arithmetic.
struct GoldenModel: Sendable, CustomTestStringConvertible {
    var file: String
    var golden: String
    var testDescription: String { file }

    static let all = [
        GoldenModel(file: "SmolLM2-135M-Instruct.Q4_1.gguf", golden: "logits-smollm2-135m.json"),
        GoldenModel(file: "gemma-3-270m-q4_k_m.gguf", golden: "logits-gemma3-270m.json"),
    ]
    static var present: [GoldenModel] { all.filter { modelPath($0.file) != nil } }

    struct Case {
        var tokens: [TokenID]
        var top: [(token: Int, logprob: Double)]
        var greedy: [(token: TokenID, margin: Double)]
    }

    func cases() throws -> [Case] {
        let directory = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let root = try JSONValue.parse(readFile("/" + directory + "/golden/" + golden))
        return try #require(root["cases"]?.array).map { entry in
            Case(
                tokens: try #require(entry["tokens"]?.array).compactMap { $0.int.map { TokenID($0) } },
                top: try #require(entry["top20_logprobs"]?.array).compactMap { pair in
                    guard let pair = pair.array, let token = pair[0].int, let logprob = pair[1].double else {
                        return nil
                    }
                    return (Int(token), logprob)
                },
                greedy: try #require(entry["greedy"]?.array).compactMap { step in
                    guard let token = step["token"]?.int, let margin = step["margin"]?.double else {
                        return nil
                    }
                    return (TokenID(token), margin)
                })
        }
    }

    func load(_ precision: Precision) throws -> TransformerModel {
        let options = ModelOptions(precision: precision, threads: 2, contextLength: 512)
        return try TransformerModel.load(
            file: GGUFFile(path: try #require(modelPath(file))), options: options)
    }
}

@Suite(
    "Against a full-precision forward", .serialized,
    .enabled(if: !GoldenModel.present.isEmpty, "no model: scripts/fetch-model"))
struct GoldenLogitsTests {
    @Test("high precision gives the same log-probabilities and greedy tokens", arguments: GoldenModel.present)
    func highPrecisionAgrees(_ golden: GoldenModel) throws {
        let model = try golden.load(.high)
        var worst = 0.0
        for entry in try golden.cases() {
            let sequence = SingleSequence(model)
            var logits = try #require(sequence.run(entry.tokens).last)
            let logprobs = logSoftmax(logits)
            for (token, logprob) in entry.top { worst = max(worst, abs(logprobs[token] - logprob)) }
            for (token, margin) in entry.greedy {
                if margin > 0.02 {
                    let best = try #require(logits.indices.max { logits[$0] < logits[$1] })
                    #expect(TokenID(best) == token)
                }
                logits = try #require(sequence.run([token]).last)
            }
        }
        print("\(golden.file): top-20 log-probabilities differ by at most \(worst)")
        #expect(worst < 0.01)
    }

    @Test("8-bit activations stay within a KL divergence of 0.003", arguments: GoldenModel.present)
    func eightBitDivergence(_ golden: GoldenModel) throws {
        let exact = try golden.load(.high)
        let fast = try golden.load(.q8)
        var sum = 0.0
        var count = 0
        for entry in try golden.cases() {
            let tokens = entry.tokens + entry.greedy.map(\.token)
            let a = SingleSequence(exact).run(tokens, all: true)
            let b = SingleSequence(fast).run(tokens, all: true)
            for (p, q) in zip(a, b) {
                let (p, q) = (logSoftmax(p), logSoftmax(q))
                sum += zip(p, q).reduce(0) { $0 + exp($1.0) * ($1.0 - $1.1) }
                count += 1
            }
        }
        print("\(golden.file): mean KL divergence of q8 \(sum / Double(count)) over \(count) positions")
        #expect(sum / Double(count) <= 0.003)
    }
}

/// A small file's bytes.
func readFile(_ path: String) throws -> [UInt8] {
    let file = try #require(fopen(path, "rb"), "\(path) cannot be opened")
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 65_536)
    while true {
        let count = fread(&buffer, 1, buffer.count, file)
        guard count > 0 else { return bytes }
        bytes.append(contentsOf: buffer[..<count])
    }
}
