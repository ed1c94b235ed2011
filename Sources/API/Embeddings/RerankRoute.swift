import Glibc
import HTTP
import JSON

/// `POST /v1/rerank`: documents by what a cross-encoder says of each beside the query, or else by the similarity of
/// their embeddings to the query's; the best first.
enum RerankRoute {
    private struct Result {
        var index: Int
        /// The sigmoid of a cross-encoder's logit, or the logit; else the cosine.
        var score: Float
    }

    static func answer(
        _ request: HTTPRequest, _ models: ModelSlot, _ writer: ResponseWriter
    ) async throws(APIError) {
        let body = try request.jsonObject()
        let embedder = try models.embedder(named: RequestFields(body).peek("model")?.string)
        let rerank = try RerankRequest(body, isCohere: request.path == "/v2/rerank")
        let name = rerank.dialect == .tei ? "texts" : "documents"
        let isCrossEncoder = embedder.engine.scoresPairs
        let query = embedder.tokens(of: rerank.query)
        var inputs = isCrossEncoder ? [] : [EmbeddingInput(tokens: query, param: "query")]
        for (index, text) in rerank.documents.enumerated() {
            let (document, param) = (embedder.tokens(of: text), "\(name)[\(index)]")
            inputs.append(
                isCrossEncoder
                    ? embedder.pair(query, document, param: param)
                    : EmbeddingInput(tokens: document, param: param))
        }
        if rerank.truncates {
            for index in inputs.indices { inputs[index].tokens = embedder.truncated(inputs[index].tokens) }
        }
        let client = WaitingClient(request, writer, models.requests, kind: "rerank")
        let read = try await embedder.read(inputs, rerank.urgency, for: client)
        let scores = isCrossEncoder ? logits(read, rerank) : cosines(read)
        let tokens = inputs.reduce(0) { $0 + $1.tokens.count }
        let results = ranked(scores).prefix(rerank.topCount ?? .max)
        var json = JSONWriter(reservingCapacity: 256 + results.count * 64)
        write(Array(results), rerank, embedder, tokens: tokens, id: request.id, to: &json)
        writer.respond(.json(json.bytes, headers: rerank.ignored.headers))
    }

    private static func logits(_ read: [[Float]], _ rerank: RerankRequest) -> [Float] {
        read.map { scores in
            let logit = scores.first ?? 0
            return rerank.returnsLogits ? logit : Float(1 / (1 + exp(-Double(logit))))
        }
    }

    /// Of all embeddings to the first, the query's.
    private static func cosines(_ embeddings: [[Float]]) -> [Float] {
        let all = embeddings.map(ServedEmbedder.normalized)
        return all.dropFirst().map { document in
            Float(zip(all[0], document).reduce(0.0) { $0 + Double($1.0) * Double($1.1) })
        }
    }

    private static func ranked(_ scores: [Float]) -> [Result] {
        scores.enumerated().map { Result(index: $0.offset, score: $0.element) }
            .sorted { ($0.score, $1.index) > ($1.score, $0.index) }
    }

    private static func write(
        _ results: [Result], _ rerank: RerankRequest, _ embedder: ServedEmbedder, tokens: Int, id: String,
        to json: inout JSONWriter
    ) {
        switch rerank.dialect {
        case .tei: write(results, rerank, to: &json)
        case .jina:
            json.beginObject()
            json.key("model")
            json.string(embedder.id)
            json.key("object")
            json.string("list")
            json.key("usage")
            json.promptUsage(tokens)
            json.key("results")
            write(results, rerank, to: &json)
            json.endObject()
        case .cohere:
            json.beginObject()
            json.key("id")
            json.string(id)
            json.key("results")
            write(results, rerank, to: &json)
            json.key("meta")
            json.beginObject()
            json.key("api_version")
            json.beginObject()
            json.key("version")
            json.string("2")
            json.endObject()
            json.key("tokens")
            json.beginObject()
            json.key("input_tokens")
            json.int(tokens)
            json.endObject()
            json.endObject()
            json.endObject()
        }
    }

    private static func write(_ results: [Result], _ rerank: RerankRequest, to json: inout JSONWriter) {
        let isTEI = rerank.dialect == .tei
        json.beginArray()
        for result in results {
            json.beginObject()
            json.key("index")
            json.int(result.index)
            json.key(isTEI ? "score" : "relevance_score")
            json.number(result.score)
            if rerank.returnsDocuments {
                let text = rerank.documents[result.index]
                if isTEI {
                    json.key("text")
                    json.string(text)
                } else {
                    json.key("document")
                    json.beginObject()
                    json.key("text")
                    json.string(text)
                    json.endObject()
                }
            }
            json.endObject()
        }
        json.endArray()
    }
}
