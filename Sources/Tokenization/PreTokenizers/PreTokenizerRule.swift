/// How ordinary text is cut into words before the merge rules apply; no token spans two words.
enum PreTokenizerRule: Sendable, Equatable {
    /// 's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
    /// With `isolatesNumbers` every \p{N} is first a word of its own.
    case gpt2(isolatesNumbers: Bool)
    /// (?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,n}| ?[^\s\p{L}\p{N}]+[\r\n]*
    /// |\s*[\r\n]+|\s+(?!\S)|\s+
    ///
    /// With `marksAreLetters` \p{M} counts as \p{L}.
    case llama3(digitsMax: Int, marksAreLetters: Bool)
    /// Several expressions in turn, each applied to the pieces that those before it left.
    case cascade([CascadeStage])

    /// Calls `body` with the start and the end of each word, from the text's start to the cursor's end
    /// without gaps.
    @inline(__always)
    func forEachWord(_ cursor: TextCursor, _ body: (Int, Int) -> Void) {
        switch self {
        case .gpt2(let isolatesNumbers):
            Self.walk(GPT2Splitter(cursor: cursor, isolatesNumbers: isolatesNumbers), cursor.end, body)
        case .llama3(let digitsMax, let marksAreLetters):
            let letters: UnicodeClass = marksAreLetters ? [.letter, .mark] : .letter
            Self.walk(
                Llama3Splitter(cursor: cursor, digitsMax: digitsMax, letters: letters), cursor.end, body)
        case .cascade(let stages):
            Self.walk(CascadeSplitter(stages, cursor), cursor.end, body)
        }
    }

    @inline(__always)
    private static func walk(_ words: some WordSplitter, _ end: Int, _ body: (Int, Int) -> Void) {
        var words = words
        var start = 0
        while start < end {
            let wordEnd = words.wordEnd(start)
            body(start, wordEnd)
            start = wordEnd
        }
    }
}

/// What a name in `tokenizer.ggml.pre` implies.
struct PreTokenizer: Sendable, Equatable {
    var rule: PreTokenizerRule
    /// A word that is a token is taken whole, whether or not the merge rules would lead there.
    var ignoresMerges = false
    /// Whether the beginning-of-sequence token is added when the file does not say.
    var addsBOS = false

    /// The names whose expressions are one of ours. Source: the table of pre-tokenizers in llama.cpp's
    /// `llama-vocab.cpp`.
    init?(named name: String) {
        switch name {
        case "", "default":
            rule = .cascade(CascadeStage.fallback)
        case "gpt-2", "phi-2", "jina-es", "jina-de", "jina-v2-es", "jina-v2-de", "gigachat", "a.x-4.0",
            "mellum",
            "modern-bert", "mpt", "olmo", "jais", "trillion", "granite-docling", "exaone4", "jina-v1-en",
            "jina-v2-code", "roberta-bpe":
            rule = .gpt2(isolatesNumbers: false)
        case "starcoder", "refact", "command-r", "smollm", "codeshell", "exaone", "minerva-7b", "mellum2":
            rule = .gpt2(isolatesNumbers: true)
        case "llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2",
            "jina-v5-nano":
            rule = .llama3(digitsMax: 3, marksAreLetters: false)
            ignoresMerges = true
            addsBOS = true
        case "dbrx", "smaug-bpe", "chatglm-bpe":
            rule = .llama3(digitsMax: 3, marksAreLetters: false)
        case "glm4", "glm5":
            rule = .llama3(digitsMax: 3, marksAreLetters: false)
            ignoresMerges = true
        case "qwen2", "deepseek-r1-qwen", "kormo", "f2llmv2", "megrez", "stablelm2", "hunyuan", "solar-open",
            "grok-2":
            rule = .llama3(digitsMax: 1, marksAreLetters: false)
        case "qwen35":
            rule = .llama3(digitsMax: 1, marksAreLetters: true)
        case "deepseek-llm":
            rule = .cascade(CascadeStage.deepSeekLLM)
        case "deepseek-coder":
            rule = .cascade(CascadeStage.deepSeekCoder)
        case "falcon":
            rule = .cascade(CascadeStage.falcon)
        default:
            return nil
        }
    }
}
