import JSON

/// The members that begin every response and every chunk, as one open JSON object without its end.
struct ResponseHead {
    let bytes: [UInt8]

    init(id: String, object: String, created: Int64, model: String) {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("id")
        writer.string(id)
        writer.key("object")
        writer.string(object)
        writer.key("created")
        writer.int(created)
        writer.key("model")
        writer.string(model)
        writer.key("system_fingerprint")
        writer.string("apus-" + APIVersion.current)
        bytes = writer.bytes
    }
}
