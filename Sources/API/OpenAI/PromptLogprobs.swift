import Engine
import JSON
import ModelFiles
import Tokenization

/// How likely the tokens of one prompt were, as they become known.
struct PromptLogprobs: Sendable {
    /// Alternatives that `prompt_logprobs` asks for.
    private let count: Int
    /// From the second one on; nothing comes before the first.
    private(set) var tokens: [PromptToken] = []

    init(count: Int) {
        self.count = count
    }

    mutating func add(_ more: [PromptToken]) { tokens += more }

    /// vLLM's shape: null for the first token, then for each one
    /// `{"<id>":{"logprob","rank","decoded_token"}}` of itself and its alternatives.
    func write(_ tokenizer: Tokenizer, to writer: inout JSONWriter) {
        writer.beginArray()
        writer.null()
        for token in tokens {
            writer.beginObject()
            write(TokenLogprob(token: token.token, logprob: token.logprob), token.rank, tokenizer, &writer)
            for (index, alternative) in token.alternatives.prefix(count).enumerated()
            where alternative.token != token.token {
                write(alternative, index + 1, tokenizer, &writer)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private func write(
        _ entry: TokenLogprob, _ rank: Int, _ tokenizer: Tokenizer, _ writer: inout JSONWriter
    ) {
        writer.key(named: String(entry.token))
        writer.beginObject()
        writer.key("logprob")
        writer.logprob(entry.logprob)
        writer.key("rank")
        writer.int(rank)
        writer.key("decoded_token")
        writer.string(utf8: Array(tokenizer.bytes(of: entry.token, special: true)))
        writer.endObject()
    }
}
