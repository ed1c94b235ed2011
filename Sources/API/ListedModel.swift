/// What `/v1/models` says of a model.
struct ListedModel: Sendable {
    let id: String
    let aliases: [String]
    let created: Int64
    /// Tokens of the longest input, or of prompt and answer together.
    let contextLength: Int

    init(_ model: ServedModel) {
        (id, aliases, created) = (model.id, model.aliases, model.created)
        contextLength = model.engine.contextLength
    }

    init(_ embedder: ServedEmbedder) {
        (id, aliases, created) = (embedder.id, embedder.aliases, embedder.created)
        contextLength = embedder.engine.contextLength
    }

    func answers(to name: String) -> Bool { name == id || aliases.contains(name) }
}
