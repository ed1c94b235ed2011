import JSON

/// `POST /apply-template`: messages, tools and what else the template reads to `{"prompt": …}`, the text that the
/// model would read.
enum ApplyTemplateRoute {
    static func answer(_ body: JSONObject, _ models: ModelSlot) throws(APIError) -> [UInt8] {
        var fields = RequestFields(body)
        let model = try models.model(named: fields.string("model"))
        let messages = try ChatMessages.read(&fields)
        let addGenerationPrompt = try fields.bool("add_generation_prompt") ?? true
        let tools = try ToolFields(reading: &fields)
        let reasoning = try ReasoningFields(reading: &fields)
        let segments = try model.render(
            messages, tools: tools.tools, addGenerationPrompt: addGenerationPrompt,
            extra: reasoning.templateArguments)
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("prompt")
        writer.string(utf8: segments.flatMap(\.text))
        writer.endObject()
        return writer.bytes
    }
}
