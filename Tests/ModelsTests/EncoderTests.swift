import Compute
import JSON
import ModelFiles
import Models
import Testing
import Tokenization

/// sentence-transformers' own embeddings of all-MiniLM-L6-v2.
private enum Golden {
    static let folder = modelPath("all-MiniLM-L6-v2").flatMap { ModelFolder(path: $0) }

    struct Case {
        var text: String
        var tokens: [TokenID]
        var embedding: [Float]
    }

    static func cases() throws -> [Case] {
        let directory = #filePath.split(separator: "/").dropLast().joined(separator: "/")
        let root = try JSONValue.parse(readFile("/\(directory)/golden/embeddings-all-minilm-l6-v2.json"))
        return try #require(root["cases"]?.array).map { entry in
            Case(
                text: try #require(entry["text"]?.string),
                tokens: try #require(entry["tokens"]?.array).compactMap { $0.int.map { TokenID($0) } },
                embedding: try #require(entry["embedding"]?.array).compactMap { $0.double.map { Float($0) } })
        }
    }
}

private func cosine(_ a: [Float], _ b: [Float]) -> Double {
    func dot(_ a: [Float], _ b: [Float]) -> Double {
        zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }
    }
    return dot(a, b) / (dot(a, a) * dot(b, b)).squareRoot()
}

@Suite(
    "An encoder", .serialized,
    .enabled(if: Golden.folder != nil, "no model: scripts/fetch-model --test-models"))
struct EncoderTests {
    @Test("tokenizes as its own library does")
    func tokens() throws {
        let tokenizer = try Tokenizer(#require(Golden.folder))
        for golden in try Golden.cases() {
            let tokens = tokenizer.encode(golden.text, addSpecial: true, parseSpecial: false)
            // The library cuts at 256 tokens, [SEP] included.
            if golden.tokens.count < 256 {
                #expect(tokens == golden.tokens, "\(golden.text)")
            } else {
                #expect(tokens.prefix(255) == golden.tokens.prefix(255))
            }
        }
    }

    @Test(
        "gives the embeddings of a full-precision run", arguments: [(Precision.high, 0.9999), (.q8, 0.998)])
    func embeddings(precision: Precision, least: Double) throws {
        let model = try EncoderModel.load(folder: #require(Golden.folder), precision: precision, threads: 2)
        #expect(model.pooling == .mean)
        let cases = try Golden.cases()
        let together = model.embed(cases.map(\.tokens))
        for (golden, found) in zip(cases, together) {
            let similarity = cosine(found, golden.embedding)
            #expect(similarity >= least, "\(golden.text.prefix(40)): \(similarity)")
        }
        // The same bits alone, and with another count of threads.
        let narrow = try EncoderModel.load(folder: #require(Golden.folder), precision: precision, threads: 1)
        for (golden, found) in zip(cases, together) {
            #expect(model.embed([golden.tokens])[0] == found)
            #expect(narrow.embed([golden.tokens])[0] == found)
        }
    }
}
