import HTTP
import JSON

/// `POST /detokenize`: `{tokens}` to the text, under the names of both dialects: llama-server's `content` and
/// vLLM's `prompt`. Special tokens show as their text; bytes that are no UTF-8 become U+FFFD.
enum DetokenizeRoute {
    static func answer(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> HTTPResponse {
        var fields = RequestFields(body)
        let tokenizer = try models.vocabulary(named: fields.string("model")).tokenizer
        guard let values = try fields.array("tokens") else {
            throw fields.missing("tokens", "an array of token ids")
        }
        let tokens =
            values.isEmpty
            ? [] : try TokenIDs.read(values, path: "tokens", vocabularyCount: tokenizer.vocabularyCount)
        let text = tokenizer.decode(tokens, special: true)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("content")
        writer.string(utf8: text)
        writer.key("prompt")
        writer.string(utf8: text)
        writer.endObject()
        return .json(writer.bytes, headers: try fields.ignored().headers)
    }
}
