import Compute
import JSON
import ModelFiles
import Models
import TestSupport
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
        let together = model.read(cases.map { EncoderInput($0.tokens) })
        for (golden, found) in zip(cases, together) {
            let similarity = cosine(found, golden.embedding)
            #expect(similarity >= least, "\(golden.text.prefix(40)): \(similarity)")
        }
        // The same bits alone, and with another count of threads.
        let narrow = try EncoderModel.load(folder: #require(Golden.folder), precision: precision, threads: 1)
        for (golden, found) in zip(cases, together) {
            #expect(model.read([EncoderInput(golden.tokens)])[0] == found)
            #expect(narrow.read([EncoderInput(golden.tokens)])[0] == found)
        }
    }
}

/// Pairs of texts, scored together by a cross-encoder's head.
@Suite("A tiny encoder") struct TinyEncoderTests {
    private static let lengths = [(3, 2), (5, 40), (60, 36), (2, 1)]

    private static func tokens(_ count: Int, seed: Int) -> [TokenID] {
        var random = SplitMix64(seed: UInt64(seed))
        return (0..<count).map { _ in TokenID.random(in: 0..<60, using: &random) }
    }

    private func withFolder(labels: Int?, _ body: (ModelFolder) throws -> Void) throws {
        let directory = try TemporaryDirectory()
        try TinyEncoder(labelCount: labels).write(to: directory)
        try body(#require(ModelFolder(path: directory.path)))
    }

    @Test("scores pairs as a plain run in double precision does", arguments: Precision.allCases)
    func scores(_ precision: Precision) throws {
        try withFolder(labels: 1) { folder in
            let reference = try ReferenceEncoder(folder, headCount: 4)
            let pairs = Self.lengths.map { first, second in
                EncoderInput(Self.tokens(first + second, seed: first), secondStart: first)
            }
            let texts = pairs.map { EncoderInput($0.tokens) }
            let mixed = pairs + texts
            var found: [[[Float]]] = []
            for threads in 1...3 {
                let model = try EncoderModel.load(folder: folder, precision: precision, threads: threads)
                #expect(model.scoresPairs && model.pooling == .mean)
                found.append(model.read(mixed))
                // The same bits alone.
                found.append(mixed.map { model.read([$0])[0] })
            }
            #expect(Set(found).count == 1)
            for (index, pair) in pairs.enumerated() {
                let score = reference.score(pair.tokens, secondStart: try #require(pair.secondStart))
                let tolerance = precision == .high ? 3e-3 : 0.1
                #expect(found[0][index].count == 1)
                #expect(abs(Double(found[0][index][0]) - score) < tolerance, "\(found[0][index]) \(score)")
                let states = reference.states(pair.tokens)
                let mean = states[0].indices.map { place in Float(states.reduce(0) { $0 + $1[place] }) }
                let similarity = cosine(found[0][pairs.count + index], mean)
                #expect(similarity >= (precision == .high ? 0.9999 : 0.998))
            }
            // Which text a token belongs to makes a difference.
            let moved = reference.score(pairs[1].tokens, secondStart: 20)
            #expect(moved != reference.score(pairs[1].tokens, secondStart: 5))
        }
    }

    @Test("has no scores without a head that gives one", arguments: [nil, 3])
    func headless(_ labels: Int?) throws {
        try withFolder(labels: labels) { folder in
            let model = try EncoderModel.load(folder: folder, threads: 1)
            #expect(!model.scoresPairs)
            #expect(model.read([EncoderInput([1, 2, 3])])[0].count == 64)
        }
    }

    @Test("takes what its plan says, within a few pages", arguments: [nil, 1])
    func plan(_ labels: Int?) throws {
        try withFolder(labels: labels) { folder in
            let plan = try EncoderPlan(folder: folder, precision: .high, threads: 2)
            // 12 matrices of 64 by 64 and 64 by 128 in 16-bit codes, and positions in two types.
            #expect(plan.weightBytes > 2 * (4 * 64 * 64 + 2 * 64 * 128) * 2 + 2 * 96 * 64 * 4)
            #expect(plan.weightBytes < 400_000)
            #expect(plan.workspaceBytes > 512 * 64 * 4 * 7)
            #expect(plan.totalBytes == plan.weightBytes + plan.workspaceBytes)
            #expect(
                try EncoderPlan(folder: folder, precision: .q8, threads: 2).totalBytes < plan.totalBytes)
        }
    }
}
