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

    /// A query and a document one after the other, as one input.
    func pair(_ query: [TokenID], _ document: [TokenID], param: String) -> EmbeddingInput {
        let rest = tokenizer.addsBOS ? document.dropFirst() : document[...]
        return EmbeddingInput(tokens: query + rest, secondStart: query.count, param: param)
    }

    /// The first so many tokens, at most what the model takes. A framed text stays closed by its last token.
    func truncated(_ tokens: [TokenID], to count: Int = .max) -> [TokenID] {
        let most = min(count, engine.contextLength)
        guard tokens.count > most, let last = tokens.last else { return tokens }
        return tokenizer.addsEOS ? tokens.prefix(most - 1) + [last] : Array(tokens.prefix(most))
    }

    /// Embeddings of length 1, one for each text. See `read`.
    func embed(
        _ texts: [EmbeddingInput], _ urgency: Urgency, for client: WaitingClient
    ) async throws(APIError) -> [[Float]] {
        try await read(texts, urgency, for: client).map(Self.normalized)
    }

    /// What the model makes of texts, an embedding, or of pairs, one number.
    ///
    /// - Parameter inputs: Each input's tokens; too many, or none, is an error that names the field.
    func read(
        _ inputs: [EmbeddingInput], _ urgency: Urgency, for client: WaitingClient
    ) async throws(APIError) -> [[Float]] {
        for input in inputs where input.tokens.count > engine.contextLength {
            var error = APIError.contextExceeded(
                prompt: input.tokens.count, context: engine.contextLength, param: input.param)
            error.message =
                "This model's maximum context length is \(engine.contextLength) tokens, but '\(input.param)' has "
                + "\(input.tokens.count). Shorten it, or let it be cut with 'truncate_prompt_tokens': -1."
            throw error
        }
        for input in inputs where input.tokens.isEmpty {
            throw .invalid(
                input.param, "'\(input.param)' has no tokens, but must have at least one.",
                code: "invalid_value")
        }
        var work = EmbeddingWork(inputs.map { .init($0.tokens, secondStart: $0.secondStart) })
        work.key = client.caller.client ?? ""
        work.priority = urgency.priority
        work.timeout = urgency.timeout
        let param = inputs.first?.param ?? "input"
        let promise = EmbeddingPromise()
        let handle: any EmbeddingHandle
        do throws(AdmissionError) {
            handle = try engine.submit(work) { promise.keep(Self.outcome($0, param: param)) }
        } catch {
            throw APIError(error, param: param)
        }
        let tokens = inputs.reduce(0) { $0 + $1.tokens.count }
        let done = client.wait(id: "embd-" + RandomName.letters(24), model: id, tokens: tokens) {
            handle.cancel()
            promise.keep(.failure(.cancelled))
        }
        defer { done() }
        return try await promise.result().get()
    }

    private static func outcome(_ result: EmbeddingResult, param: String) -> Result<[[Float]], APIError> {
        switch result {
        case .embeddings(let embeddings): .success(embeddings)
        case .timedOut: .failure(deadlineExceeded)
        case .refused(let error): .failure(APIError(error, param: param))
        case .failed(let why): .failure(.internalFailure(why))
        case .stopped: .failure(.unavailable("The server is stopping."))
        }
    }

    private static var deadlineExceeded: APIError {
        var error = APIError.deadlineExceeded
        error.message = "'timeout_ms' was over before all inputs were read."
        return error
    }

    /// Of length 1; zeros stay.
    static func normalized(_ embedding: some Sequence<Float>) -> [Float] {
        let length = embedding.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        return embedding.map { length > 0 ? Float(Double($0) / length) : 0 }
    }
}

/// Tokens to embed or, of a pair, to score, and the request field that they came from.
struct EmbeddingInput: Sendable, Equatable {
    var tokens: [TokenID]
    /// The place of a pair's second text.
    var secondStart: Int?
    var param: String
}

/// One result, from the engine's thread or from whoever gives up, to the task that waits for it.
private final class EmbeddingPromise: Sendable {
    typealias Outcome = Result<[[Float]], APIError>

    private struct State {
        var result: Outcome?
        var waiter: CheckedContinuation<Outcome, Never>?
    }

    private let state = Mutex(State())

    /// The first result counts.
    func keep(_ result: Outcome) {
        let waiter = state.withLock { state -> CheckedContinuation<Outcome, Never>? in
            guard state.result == nil else { return nil }
            state.result = result
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume(returning: result)
    }

    /// To be asked once.
    func result() async -> Outcome {
        await withCheckedContinuation { continuation in
            let ready = state.withLock { state -> Outcome? in
                if state.result == nil { state.waiter = continuation }
                return state.result
            }
            if let ready { continuation.resume(returning: ready) }
        }
    }
}
