import JSON
import ModelFiles

/// `POST /v1/rerank` in Jina's, Cohere's and TEI's shapes: its body, validated.
struct RerankRequest: Sendable {
    /// Whose answer the client expects.
    enum Dialect: Sendable {
        /// `{"model","object":"list","usage","results":[{"index","relevance_score","document"?}]}`
        case jina
        /// The same results beside `id` and `meta`.
        case cohere
        /// An array of `{"index","score","text"?}`; asked for with `texts` instead of `documents`.
        case tei
    }

    var dialect: Dialect
    var query: String
    var documents: [String]
    /// The best so many; nil for all.
    var topCount: Int?
    var returnsDocuments: Bool
    /// Texts that are too long are cut.
    var truncates: Bool
    /// A cross-encoder's scores are its logits, instead of their sigmoid (`raw_scores`, as TEI's).
    var returnsLogits: Bool
    var urgency: Urgency
    var ignored = IgnoredFields()

    /// - Parameter isCohere: The path was `/v2/rerank`.
    init(_ body: JSONObject, isCohere: Bool) throws(APIError) {
        var fields = RequestFields(body)
        // Read before, to find the model.
        _ = try fields.string("model")
        guard let query = try fields.string("query") else { throw fields.missing("query", "a string") }
        self.query = query
        let isTEI = fields.peek("documents") == nil && fields.peek("texts") != nil
        dialect = isTEI ? .tei : isCohere ? .cohere : .jina
        if !isTEI, fields.peek("texts") != nil {
            throw .invalid(
                "texts", "'texts' is not allowed together with 'documents': they ask for different answers.",
                code: "unsupported_value")
        }
        documents = try Self.documents(isTEI ? "texts" : "documents", &fields)
        topCount = try fields.integer("top_n", in: 1...Int64(Int32.max))
        let returnsText = try fields.bool("return_text") ?? false
        returnsDocuments = try fields.bool("return_documents") ?? returnsText
        truncates = try fields.bool("truncate") ?? false
        returnsLogits = try fields.bool("raw_scores") ?? false
        urgency = try Urgency(reading: &fields)
        ignored = try fields.ignored()
    }

    private static func documents(_ name: String, _ fields: inout RequestFields) throws(APIError) -> [String]
    {
        guard let values = try fields.array(name) else { throw fields.missing(name, "an array of texts") }
        guard (1...APILimits.embeddingInputCountMax).contains(values.count) else {
            throw .invalid(
                name,
                "'\(name)' has \(values.count) texts, but must have 1 to \(APILimits.embeddingInputCountMax).",
                code: "invalid_value")
        }
        var documents: [String] = []
        for (index, value) in values.enumerated() {
            guard let text = value.string ?? value["text"]?.string else {
                throw .wrongType("\(name)[\(index)]", value, "a string or an object with a 'text'")
            }
            documents.append(text)
        }
        return documents
    }
}
