import JSON
import ModelFiles

extension TokenizerSource {
    /// Reads a `tokenizer.json` of huggingface/tokenizers: WordPiece as BERT uses it.
    ///
    /// What another setting of the file would change is checked: a tokenizer that does something else is refused, never
    /// taken for this one.
    init(wordPiece file: JSONObject) throws(TokenizerError) {
        model = "bert"
        wordCharactersMax = 100
        let pieces = try Self.pieces(file)
        let special = try Self.specialTokens(file, pieces)
        for (id, piece) in pieces.enumerated() {
            let isSpecial = special.contains(id)
            kinds.append(isSpecial ? .control : .normal)
            // As in GGUF: the first piece of a word is marked, the others are not.
            if isSpecial {
                tokens.append(piece.utf8)
            } else if piece.hasPrefix("##") {
                tokens.append(piece.utf8.dropFirst(2))
            } else {
                tokens.append(SpaceMark.bytes + piece.utf8)
            }
        }
        try readNormalizer(file)
        let id = Dictionary(
            uniqueKeysWithValues: pieces.enumerated().map { ($0.element, TokenID($0.offset)) })
        (bos, separator) = try Self.frame(file, id)
        let name = file["model"]?["unk_token"]?.string ?? "[UNK]"
        guard let token = id[name] else {
            throw .invalid(key: "model.unk_token", reason: "is \"\(name)\", which is not in the vocabulary")
        }
        unknown = token
        if let most = file["model"]?["max_input_chars_per_word"]?.int, let count = Int(exactly: most),
            count > 0
        {
            wordCharactersMax = count
        }
    }

    private static let tokensMax = 1 << 22

    /// By id, without gaps.
    private static func pieces(_ file: JSONObject) throws(TokenizerError) -> [String] {
        let type = file["model"]?["type"]?.string ?? "missing"
        guard type == "WordPiece", let vocabulary = file["model"]?["vocab"]?.object else {
            throw .invalid(key: "model.type", reason: "is \(type); supported is WordPiece with its vocab")
        }
        guard (1...tokensMax).contains(vocabulary.count) else {
            throw .invalid(
                key: "model.vocab", reason: "has \(vocabulary.count) tokens; expected 1 to \(tokensMax)")
        }
        let prefix = file["model"]?["continuing_subword_prefix"]?.string ?? "##"
        guard prefix == "##" else {
            throw .invalid(
                key: "model.continuing_subword_prefix", reason: "is \"\(prefix)\"; supported is \"##\"")
        }
        var pieces = [String?](repeating: nil, count: vocabulary.count)
        for (piece, value) in vocabulary {
            guard let id = value.int.flatMap(Int.init(exactly:)), pieces.indices.contains(id),
                pieces[id] == nil
            else {
                throw .invalid(
                    key: "model.vocab",
                    reason: "must number its \(vocabulary.count) tokens from 0 on, each once")
            }
            pieces[id] = piece
        }
        return pieces.compactMap { $0 }
    }

    private static func specialTokens(_ file: JSONObject, _ pieces: [String]) throws(TokenizerError) -> Set<
        Int
    > {
        var special: Set<Int> = []
        for token in file["added_tokens"]?.array ?? [] {
            guard let id = token["id"]?.int.flatMap(Int.init(exactly:)), pieces.indices.contains(id),
                pieces[id] == token["content"]?.string
            else {
                throw .invalid(
                    key: "added_tokens", reason: "must be tokens of the vocabulary, with their ids")
            }
            if token["special"]?.bool == true { special.insert(id) }
        }
        return special
    }

    private mutating func readNormalizer(_ file: JSONObject) throws(TokenizerError) {
        let type = file["normalizer"]?["type"]?.string ?? "missing"
        guard type == "BertNormalizer", file["normalizer"]?["clean_text"]?.bool ?? true,
            file["normalizer"]?["handle_chinese_chars"]?.bool ?? true
        else {
            throw .invalid(
                key: "normalizer",
                reason:
                    "is \(type); supported is BertNormalizer that cleans text and separates Chinese characters"
            )
        }
        let splitter = file["pre_tokenizer"]?["type"]?.string ?? "missing"
        guard splitter == "BertPreTokenizer" else {
            throw .invalid(key: "pre_tokenizer", reason: "is \(splitter); supported is BertPreTokenizer")
        }
        lowercases = file["normalizer"]?["lowercase"]?.bool ?? true
        stripsAccents = file["normalizer"]?["strip_accents"]?.bool ?? lowercases
    }

    /// The tokens that open and close a text: [CLS] and [SEP], in either of the two ways to say so.
    private static func frame(_ file: JSONObject, _ id: [String: TokenID]) throws(TokenizerError) -> (
        TokenID, TokenID
    ) {
        let processor = file["post_processor"]
        var names: [String?] = []
        switch processor?["type"]?.string {
        case "TemplateProcessing":
            let single = processor?["single"]?.array ?? []
            guard single.count == 3, single[1]["Sequence"] != nil else { break }
            names = [single[0]["SpecialToken"]?["id"]?.string, single[2]["SpecialToken"]?["id"]?.string]
        case "BertProcessing":
            names = [processor?["cls"]?[0]?.string, processor?["sep"]?[0]?.string]
        default:
            break
        }
        let tokens = names.compactMap { $0.flatMap { id[$0] } }
        guard tokens.count == 2 else {
            throw .invalid(
                key: "post_processor",
                reason: "must put one token of the vocabulary before a text and one behind it")
        }
        return (tokens[0], tokens[1])
    }
}
