import ModelFiles

/// Why a model file's tokenizer could not be built: the key at fault, what it says, what would be right.
public enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// The key is missing, or has another type than it should.
    case metadata(ModelFileError)
    /// `tokenizer.ggml.model` names a kind of tokenizer that is not built in.
    case unsupportedModel(String)
    /// `tokenizer.ggml.pre` names a rule that is not built in. Any other rule would give wrong tokens.
    case unsupportedPreTokenizer(String)
    case invalid(key: String, reason: String)

    public var description: String {
        switch self {
        case .metadata(let error):
            error.description
        case .unsupportedModel(let name):
            "tokenizer.ggml.model is \"\(name)\"; supported are gpt2 (byte pairs), llama (SentencePiece) "
                + "and bert (WordPiece)"
        case .unsupportedPreTokenizer(let name):
            "tokenizer.ggml.pre is \"\(name)\", a pre-tokenizer that is not supported; another one would "
                + "split words wrongly"
        case .invalid(let key, let reason):
            "\(key): \(reason)"
        }
    }
}
