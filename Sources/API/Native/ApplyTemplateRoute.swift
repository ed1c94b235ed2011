import JSON

/// `POST /apply-template`: `{messages, add_generation_prompt, chat_template_kwargs}` to `{"prompt": …}`, the text
/// that the model would read.
enum ApplyTemplateRoute {
    static func answer(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> [UInt8] {
        var fields = RequestFields(body)
        let model = try models.model(named: fields.string("model"))
        let messages = try ChatMessages.read(&fields)
        let addGenerationPrompt = try fields.bool("add_generation_prompt") ?? true
        let arguments = try fields.object("chat_template_kwargs") ?? JSONObject()
        let segments = try model.render(messages, addGenerationPrompt: addGenerationPrompt, extra: arguments)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("prompt")
        writer.string(utf8: segments.flatMap(\.text))
        writer.endObject()
        return writer.bytes
    }
}
