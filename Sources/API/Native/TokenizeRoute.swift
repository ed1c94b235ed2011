import HTTP
import JSON
import ModelFiles

/// `POST /tokenize`, in both dialects: llama-server's `{content, add_special, parse_special, with_pieces}` and
/// vLLM's `{prompt | messages, tools, …, add_special_tokens, return_token_strs}`. Each gets its own answer.
enum TokenizeRoute {
    static func answer(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> HTTPResponse {
        var fields = RequestFields(body)
        let name = try fields.string("model")
        let bytes: [UInt8]
        if fields.peek("messages") != nil {
            let model = try models.model(named: name)
            let prompt = try ChatPrompt(ChatInput(reading: &fields), model)
            bytes = try counted(prompt.tokens, &fields, model.vocabulary)
        } else if let prompt = try fields.string("prompt") {
            bytes = try self.prompt(prompt, &fields, models.vocabulary(named: name))
        } else {
            guard let content = try fields.string("content") else {
                throw fields.missing("content", "a string (or send 'prompt' or 'messages')")
            }
            bytes = try self.content(content, &fields, models.vocabulary(named: name))
        }
        return .json(bytes, headers: try fields.ignored().headers)
    }

    private static func content(
        _ text: String, _ fields: inout RequestFields, _ model: ServedVocabulary
    ) throws(APIError) -> [UInt8] {
        let addSpecial = try fields.bool("add_special") ?? false
        // llama-server's default is true; here text makes special tokens only when that is asked for.
        let parseSpecial = try fields.bool("parse_special") ?? false
        let withPieces = try fields.bool("with_pieces") ?? false
        let tokens = model.tokenizer.encode(text, addSpecial: addSpecial, parseSpecial: parseSpecial)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("tokens")
        if withPieces { writePieces(tokens, model, &writer) } else { writer.ints(tokens) }
        writer.endObject()
        return writer.bytes
    }

    /// A piece that is no whole UTF-8 is written as an array of its bytes.
    private static func writePieces(
        _ tokens: [TokenID], _ model: ServedVocabulary, _ writer: inout JSONWriter
    ) {
        writer.beginArray()
        for token in tokens {
            let bytes = Array(model.tokenizer.bytes(of: token, special: true))
            writer.beginObject()
            writer.key("id")
            writer.int(token)
            writer.key("piece")
            if String(validating: bytes, as: UTF8.self) != nil {
                writer.string(utf8: bytes)
            } else {
                writer.ints(bytes)
            }
            writer.endObject()
        }
        writer.endArray()
    }

    private static func prompt(
        _ text: String, _ fields: inout RequestFields, _ model: ServedVocabulary
    ) throws(APIError) -> [UInt8] {
        let addSpecial = try fields.bool("add_special_tokens") ?? true
        // As in the prompt of a completion, which this route counts, text makes no special tokens unless asked to.
        let parseSpecial = try fields.bool("parse_special") ?? false
        let tokens = model.tokenizer.encode(text, addSpecial: addSpecial, parseSpecial: parseSpecial)
        return try counted(tokens, &fields, model)
    }

    private static func counted(
        _ tokens: [TokenID], _ fields: inout RequestFields, _ model: ServedVocabulary
    ) throws(APIError) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("count")
        writer.int(tokens.count)
        writer.key("max_model_len")
        writer.int(model.contextLength)
        writer.key("tokens")
        writer.ints(tokens)
        writer.key("token_strs")
        if try fields.bool("return_token_strs") ?? false {
            writer.beginArray()
            for token in tokens {
                writer.string(utf8: Array(model.tokenizer.bytes(of: token, special: true)))
            }
            writer.endArray()
        } else {
            writer.null()
        }
        writer.endObject()
        return writer.bytes
    }
}
