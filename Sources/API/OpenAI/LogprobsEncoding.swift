import Engine
import JSON
import ModelFiles
import Tokenization

/// Writes log-probabilities in the two shapes of OpenAI's API.
struct LogprobsEncoding: Sendable {
    let tokenizer: Tokenizer

    /// The chat's shape: `{"content":[{token, logprob, bytes, top_logprobs}],"refusal":null}`.
    func writeChat(_ tokens: [AnswerToken], to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("content")
        writer.beginArray()
        for token in tokens where token.isShown {
            writer.beginObject()
            writeMembers(token.token, token.logprob, to: &writer)
            writer.key("top_logprobs")
            writer.beginArray()
            for alternative in token.alternatives {
                writer.beginObject()
                writeMembers(alternative.token, alternative.logprob, to: &writer)
                writer.endObject()
            }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.key("refusal")
        writer.null()
        writer.endObject()
    }

    private func writeMembers(_ token: TokenID, _ logprob: Float?, to writer: inout JSONWriter) {
        let bytes = text(of: token)
        writer.key("token")
        writer.string(utf8: bytes)
        writer.key("logprob")
        writer.logprob(logprob)
        writer.key("bytes")
        writer.ints(bytes)
    }

    /// The completion's shape: `{tokens, token_logprobs, top_logprobs, text_offset}`. Each map of alternatives also
    /// holds the token that was drawn. The first token of an echoed prompt has null for both.
    func writeLegacy(_ tokens: [AnswerToken], to writer: inout JSONWriter) {
        let shown = tokens.filter(\.isShown)
        writer.beginObject()
        writer.key("tokens")
        writer.beginArray()
        for token in shown { writer.string(utf8: legacyText(of: token.token)) }
        writer.endArray()
        writer.key("token_logprobs")
        writer.beginArray()
        for token in shown {
            if token.logprob == nil { writer.null() } else { writer.logprob(token.logprob) }
        }
        writer.endArray()
        writer.key("top_logprobs")
        writer.beginArray()
        for token in shown {
            if token.logprob == nil { writer.null() } else { writeLegacyAlternatives(token, to: &writer) }
        }
        writer.endArray()
        writer.key("text_offset")
        writer.ints(shown.map(\.characterOffset))
        writer.endObject()
    }

    private func writeLegacyAlternatives(_ token: AnswerToken, to writer: inout JSONWriter) {
        var written: Set<[UInt8]> = []
        writer.beginObject()
        let drawn = TokenLogprob(token: token.token, logprob: token.logprob ?? -.infinity)
        for alternative in token.alternatives + [drawn] {
            let name = legacyText(of: alternative.token)
            // Two tokens may have the same text; an object names each member once.
            guard written.insert(name).inserted else { continue }
            writer.key(named: String(decoding: name, as: UTF8.self))
            writer.logprob(alternative.logprob)
        }
        writer.endObject()
    }

    /// The token's text; `bytes:\x` and two digits for each byte when it is no whole UTF-8.
    private func legacyText(of token: TokenID) -> [UInt8] {
        let bytes = text(of: token)
        if String(validating: bytes, as: UTF8.self) != nil { return bytes }
        let digits = Array("0123456789abcdef".utf8)
        return Array("bytes:".utf8)
            + bytes.flatMap {
                [UInt8(ascii: "\\"), UInt8(ascii: "x"), digits[Int($0 >> 4)], digits[Int($0 & 15)]]
            }
    }

    private func text(of token: TokenID) -> [UInt8] { Array(tokenizer.bytes(of: token, special: true)) }
}
