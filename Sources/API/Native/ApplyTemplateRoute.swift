import HTTP
import JSON

/// `POST /apply-template`: messages, tools and what else the template reads to `{"prompt": …}`, the text that the
/// model would read.
enum ApplyTemplateRoute {
    static func answer(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> HTTPResponse {
        var fields = RequestFields(body)
        let model = try models.model(named: fields.string("model"))
        let prompt = try ChatPrompt(ChatInput(reading: &fields), model)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("prompt")
        writer.string(utf8: prompt.text)
        writer.endObject()
        return .json(writer.bytes, headers: try fields.ignored().headers)
    }
}
