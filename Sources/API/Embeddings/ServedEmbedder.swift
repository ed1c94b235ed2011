import Engine
import ModelFiles
import Synchronization
import Tokenization

/// A model that embeds texts, and what the routes need to speak to it.
public struct ServedEmbedder: Sendable {
    public let id: String
    /// Other names under which requests may ask for it.
    public let aliases: [String]
    /// Seconds since 1970.
    public let created: Int64
    public let tokenizer: Tokenizer
    public let engine: any EmbeddingEngine

    public init(
        id: String, aliases: [String] = [], created: Int64, tokenizer: Tokenizer, engine: any EmbeddingEngine
    ) {
        self.id = id
        self.aliases = aliases
        self.created = created
        self.tokenizer = tokenizer
        self.engine = engine
    }

    func answers(to name: String) -> Bool { name == id || aliases.contains(name) }

    /// The tokens of a text, framed as the model wants it.
    func tokens(of text: String) -> [TokenID] {
        tokenizer.encode(text, addSpecial: true, parseSpecial: false)
    }

    /// The first so many tokens, at most what the model takes. A framed text stays closed by its last token.
    func truncated(_ tokens: [TokenID], to count: Int = .max) -> [TokenID] {
        let most = min(count, engine.contextLength)
        guard tokens.count > most, let last = tokens.last else { return tokens }
        return tokenizer.addsEOS ? tokens.prefix(most - 1) + [last] : Array(tokens.prefix(most))
    }

    /// Embeddings of length 1, one for each input.
    ///
    /// - Parameters:
    ///   - inputs: Each input's tokens; too many, or none, is an error that names the field.
    ///   - onRunning: Gets a function that gives the request up.
    func embed(
        _ inputs: [EmbeddingInput], onRunning: (@escaping @Sendable () -> Void) -> Void
    ) async throws(APIError) -> [[Float]] {
        for input in inputs where input.tokens.count > engine.contextLength {
            var error = APIError.contextExceeded(
                prompt: input.tokens.count, context: engine.contextLength, param: input.param)
            error.message =
                "'\(input.param)' has \(input.tokens.count) tokens, but the model takes at most "
                + "\(engine.contextLength). Shorten it, or let it be cut with 'truncate_prompt_tokens': -1."
            throw error
        }
        for input in inputs where input.tokens.isEmpty {
            throw .invalid(
                input.param, "'\(input.param)' has no tokens, but must have at least one.",
                code: "invalid_value")
        }
        let promise = EmbeddingPromise()
        do throws(AdmissionError) {
            let handle = try engine.submit(inputs.map(\.tokens)) { promise.keep($0) }
            onRunning {
                handle.cancel()
                promise.keep(.stopped)
            }
        } catch {
            throw APIError(error, param: inputs.first?.param ?? "input")
        }
        switch await promise.result() {
        case .embeddings(let embeddings): return embeddings.map(Self.normalized)
        case .stopped: throw .unavailable("The server is stopping.")
        }
    }

    /// Of length 1; zeros stay.
    static func normalized(_ embedding: some Sequence<Float>) -> [Float] {
        let length = embedding.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return embedding.map { length > 0 ? Float(Double($0) / length) : 0 }
    }
}

/// Tokens to embed, and the request field that they came from.
struct EmbeddingInput: Sendable, Equatable {
    var tokens: [TokenID]
    var param: String
}

/// One result, from the engine's thread or from whoever gives up, to the task that waits for it.
private final class EmbeddingPromise: Sendable {
    private struct State {
        var result: EmbeddingResult?
        var waiter: CheckedContinuation<EmbeddingResult, Never>?
    }

    private let state = Mutex(State())

    /// The first result counts.
    func keep(_ result: EmbeddingResult) {
        let waiter = state.withLock { state -> CheckedContinuation<EmbeddingResult, Never>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: result)
    }

    /// To be asked once.
    func result() async -> EmbeddingResult {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> EmbeddingResult? in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
