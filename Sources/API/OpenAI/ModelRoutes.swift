import JSON

/// `GET /v1/models` and `GET /v1/models/{id}`.
enum ModelRoutes {
    static func list(_ models: ModelSlot) throws(APIError) -> [UInt8] {
        let listed = try models.listed()
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("object")
        writer.string("list")
        writer.key("data")
        writer.beginArray()
        for model in listed {
            for id in [model.id] + model.aliases { write(model, as: id, to: &writer) }
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    static func one(_ models: ModelSlot, _ id: String) throws(APIError) -> [UInt8] {
        guard let model = try models.listed().first(where: { $0.answers(to: id) }) else {
            throw .modelNotFound(id, param: "id")
        }
        var writer = JSONWriter()
        write(model, as: id, to: &writer)
        return writer.bytes
    }

    private static func write(_ model: ListedModel, as id: String, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("id")
        writer.string(id)
        writer.key("object")
        writer.string("model")
        writer.key("created")
        writer.int(model.created)
        writer.key("owned_by")
        writer.string("apus")
        writer.key("max_model_len")
        writer.int(model.contextLength)
        writer.endObject()
    }
}
