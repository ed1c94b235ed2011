import HTTP
import JSON

/// `POST /v1/embeddings`.
enum EmbeddingRoute {
    static func answer(_ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter)
        async throws(APIError)
    {
        let body = try request.jsonObject()
        let embedder = try models.embedder(named: RequestFields(body).peek("model")?.string)
        let embedding = try EmbeddingRequest(body, embedder)
        let inputs = embedding.tokens(embedder)
        let client = WaitingClient(request, writer, models.requests, kind: "embedding")
        var embeddings = try await embedder.embed(inputs, embedding.urgency, for: client)
        if let dimensions = embedding.dimensions {
            embeddings = embeddings.map { ServedEmbedder.normalized($0.prefix(dimensions)) }
        }
        let tokens = inputs.reduce(0) { $0 + $1.tokens.count }
        writer.respond(
            .json(
                encode(embeddings, embedding.encoding, embedder.id, tokens: tokens),
                headers: embedding.ignored.headers))
    }

    private static func encode(
        _ embeddings: [[Float]], _ encoding: EmbeddingRequest.Encoding, _ model: String, tokens: Int
    ) -> [UInt8] {
        let width = embeddings.first?.count ?? 0
        var json = JSONWriter(reservingCapacity: 256 + embeddings.count * (64 + width * 12))
        json.beginObject()
        json.key("object")
        json.string("list")
        json.key("data")
        json.beginArray()
        for (index, embedding) in embeddings.enumerated() {
            json.beginObject()
            json.key("object")
            json.string("embedding")
            json.key("index")
            json.int(index)
            json.key("embedding")
            switch encoding {
            case .float:
                json.beginArray()
                for value in embedding { json.number(value) }
                json.endArray()
            case .base64: json.string(utf8: Base64.encode(littleEndian(embedding)))
            }
            json.endObject()
        }
        json.endArray()
        json.key("model")
        json.string(model)
        json.key("usage")
        json.promptUsage(tokens)
        json.endObject()
        return json.bytes
    }

    private static func littleEndian(_ values: [Float]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count * 4)
        for value in values {
            for shift in [0, 8, 16, 24] as [UInt32] {
                bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
            }
        }
        return bytes
    }
}

extension JSONWriter {
    /// Usage of a request that generates nothing.
    mutating func promptUsage(_ tokens: Int) {
        beginObject()
        key("prompt_tokens")
        int(tokens)
        key("total_tokens")
        int(tokens)
        endObject()
    }
}
