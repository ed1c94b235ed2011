import Chat
import Engine
import JSON
import ModelFiles
import Tokenization

/// A model that answers, and what the routes need to speak to it.
public final class ServedModel: Sendable {
    public let id: String
    /// Other names under which requests may ask for it.
    public let aliases: [String]
    /// Seconds since 1970.
    public let created: Int64
    public let tokenizer: Tokenizer
    /// Nil when the model file has none that can be used: then only completions work.
    public let template: ChatTemplate?
    public let engine: any GenerationEngine
    /// Embeds with the same model; nil when its states make no embedding.
    public let embedding: (any EmbeddingEngine)?
    /// Control tokens that have a part in the format of the model's answers.
    let formatTokens: FormatTokens
    /// How tokens are drawn where a request says nothing.
    public let sampling: SamplingParameters
    let sequenceBreakers: SequenceBreakers
    /// Of the model file, without its folder.
    let fileName: String
    /// Answers that are worked on at once.
    let sequencesMax: Int

    public init(
        id: String, aliases: [String] = [], created: Int64, tokenizer: Tokenizer, template: ChatTemplate?,
        sampling: SamplingParameters = SamplingParameters(), engine: any GenerationEngine,
        embedding: (any EmbeddingEngine)? = nil,
        fileName: String = "", sequencesMax: Int = 1
    ) {
        (self.fileName, self.sequencesMax) = (fileName, sequencesMax)
        self.sampling = sampling
        sequenceBreakers = SequenceBreakers(tokenizer)
        self.id = id
        self.aliases = aliases
        self.created = created
        self.tokenizer = tokenizer
        self.template = template
        self.engine = engine
        self.embedding = embedding
        formatTokens = FormatTokens(tokenizer, template?.answerFormat)
    }

    func answers(to name: String) -> Bool { name == id || aliases.contains(name) }

    /// The same model as one that embeds.
    var embedder: ServedEmbedder? {
        embedding.map {
            ServedEmbedder(id: id, aliases: aliases, created: created, tokenizer: tokenizer, engine: $0)
        }
    }

    /// The chat as the model's template writes it.
    func render(
        _ messages: [JSONValue], tools: [JSONValue] = [], addGenerationPrompt: Bool, extra: JSONObject
    ) throws(APIError) -> [ChatSegment] {
        guard let template else {
            throw .invalid(
                "messages",
                "The model '\(id)' has no chat template that can be used; POST /v1/completions takes its prompts.",
                code: "no_chat_template")
        }
        do throws(TemplateError) {
            return try template.render(
                messages: messages, tools: tools.isEmpty ? nil : .array(tools),
                addGenerationPrompt: addGenerationPrompt, extra: extra)
        } catch {
            throw .invalid(
                "messages", "The model's chat template cannot render this chat: \(error)",
                code: "template_error")
        }
    }

    /// Token ids of a rendered chat. Only what the template wrote may become a special token. A vocabulary that
    /// starts every text with BOS gets one, and no second one when the template wrote it already.
    func tokens(of segments: [ChatSegment]) -> [TokenID] {
        let texts = segments.map { TextSegment($0.text, parsesSpecial: $0.isTemplate) }
        let tokens = tokenizer.encode(segments: texts, addSpecial: false)
        guard tokenizer.addsBOS, let leading = tokenizer.bosToken, tokens.first != leading else {
            return tokens
        }
        return [leading] + tokens
    }
}
