import JSON
import ModelFiles

/// What to do with a prompt or an answer that the context does not hold.
enum ContextOverflow: String, Sendable, CaseIterable {
    /// Refuse the prompt, end the answer.
    case error
    /// Leave out a chat's oldest turns behind its system messages.
    case truncateOldestTurns = "truncate_oldest_turns"
    /// Refuse the prompt, but let the answer go on without the oldest tokens (`ContextShift`).
    case shift
}

/// The fields about a context that is too small.
struct ContextFields: Sendable {
    /// `context_overflow`
    var overflow = ContextOverflow.error
    /// The most tokens of a prompt (`truncate_prompt_tokens`); nil leaves it as it is.
    var promptMax: PromptMax?
    /// The beginning of a longer prompt stays, not its end (`truncation_side`).
    var keepsBeginning = false

    enum PromptMax: Sendable, Equatable {
        case tokens(Int)
        /// What the context holds beside the answer.
        case context
    }

    init() {}

    init(reading fields: inout RequestFields) throws(APIError) {
        if let word = try Self.word("context_overflow", &fields, ContextOverflow.allCases.map(\.rawValue)) {
            overflow = ContextOverflow(rawValue: word) ?? .error
        }
        switch try fields.integer("truncate_prompt_tokens", in: -1...Int64(APILimits.tokenCountMax)) {
        case nil: break
        case -1: promptMax = .context
        case 0:
            throw .invalid(
                "truncate_prompt_tokens",
                "'truncate_prompt_tokens' is 0, but must be at least 1, or -1 for what the context holds.",
                code: "invalid_value")
        case let count?: promptMax = .tokens(count)
        }
        keepsBeginning = try Self.word("truncation_side", &fields, ["left", "right"]) == "right"
    }

    private static func word(
        _ name: String, _ fields: inout RequestFields, _ words: [String]
    ) throws(APIError) -> String? {
        guard let word = try fields.string(name) else { return nil }
        guard words.contains(word) else {
            throw .invalid(
                name,
                "'\(name)' is '\(word.prefix(64))', but must be one of \(words.joined(separator: ", ")).",
                code: "invalid_value")
        }
        return word
    }

    /// A prompt no longer than the request wants.
    func truncated(_ prompt: [TokenID], contextLength: Int, tokensMax: Int?) -> [TokenID] {
        let most: Int
        switch promptMax {
        case nil: return prompt
        case .tokens(let count): most = count
        case .context: most = max(1, contextLength - Self.reserve(contextLength, tokensMax))
        }
        return Array(keepsBeginning ? prompt.prefix(most) : prompt.suffix(most))
    }

    /// Tokens that are kept free for an answer where a prompt is made to fit: what the request wants, but half of
    /// the context at most; a quarter where it does not say.
    static func reserve(_ contextLength: Int, _ tokensMax: Int?) -> Int {
        max(1, min(tokensMax ?? contextLength / 4, contextLength / 2))
    }
}
