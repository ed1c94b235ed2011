import JSON
import ModelFiles
import Tokenization

/// What a model is to read, as requests give it: a text, token ids, or both, one behind the other.
indirect enum TextPrompt: Sendable, Equatable {
    case text(String)
    case tokens([TokenID])
    case mixed([TextPrompt])

    /// A field's value: one prompt, or a list of them. A list with an id in it is one prompt, whose texts stand between
    /// the ids.
    static func list(
        _ name: String, _ fields: inout RequestFields, countMax: Int, vocabularyCount: Int
    ) throws(APIError) -> [TextPrompt] {
        let right = "a string, an array of token ids, or an array of either"
        guard let value = fields.take(name) else { throw fields.missing(name, right) }
        guard let elements = value.array else {
            guard let text = text(value) else { throw fields.wrongType(name, value, right) }
            return [.text(text)]
        }
        guard !elements.contains(where: \.isNumber) else {
            return [try read(value, path: name, vocabularyCount)]
        }
        guard (1...countMax).contains(elements.count) else {
            throw .invalid(
                name, "'\(name)' has \(elements.count) elements, but must have 1 to \(countMax).",
                code: "invalid_value")
        }
        var prompts: [TextPrompt] = []
        for (index, element) in elements.enumerated() {
            prompts.append(try read(element, path: "\(name)[\(index)]", vocabularyCount))
        }
        return prompts
    }

    private static func read(_ value: JSONValue, path: String, _ vocabularyCount: Int) throws(APIError)
        -> TextPrompt
    {
        if let text = text(value) { return .text(text) }
        guard let elements = value.array else {
            throw .wrongType(path, value, "a string or an array of token ids")
        }
        guard elements.contains(where: { $0.string != nil }) else {
            return .tokens(try TokenIDs.read(elements, path: path, vocabularyCount: vocabularyCount))
        }
        var parts: [TextPrompt] = []
        for (index, element) in elements.enumerated() {
            if let text = element.string {
                parts.append(.text(text))
            } else {
                let id = try TokenIDs.read(
                    [element], path: path, first: index, vocabularyCount: vocabularyCount)
                parts.append(.tokens(id))
            }
        }
        return .mixed(parts)
    }

    /// A string, or as llama-server takes it an object with a `prompt_string`, or a `content` of one or of text parts.
    private static func text(_ value: JSONValue) -> String? {
        if let text = value.string { return text }
        if let text = value["prompt_string"]?.string {
            let images = value["multimodal_data"] ?? .null
            return images.isNull || images.array?.isEmpty == true ? text : nil
        }
        guard let content = value["content"] else { return nil }
        if let text = content.string { return text }
        guard let parts = content.array else { return nil }
        let texts = parts.compactMap { $0["type"]?.string == "text" ? $0["text"]?.string : nil }
        return texts.count == parts.count && !texts.isEmpty ? texts.joined() : nil
    }
}

extension TextPrompt {
    /// A user's text never becomes a special token; how a text is framed is the vocabulary's affair.
    ///
    /// - Parameter isFirst: nothing stands before it.
    func encoded(_ tokenizer: Tokenizer, isFirst: Bool) -> [TokenID] {
        switch self {
        case .text(let text): tokenizer.encode(text, addSpecial: isFirst, parseSpecial: false)
        case .tokens(let tokens): tokens
        case .mixed(let parts):
            parts.enumerated().flatMap { $0.element.encoded(tokenizer, isFirst: isFirst && $0.offset == 0) }
        }
    }

    /// UTF-8.
    func text(_ tokenizer: Tokenizer) -> [UInt8] {
        switch self {
        case .text(let text): Array(text.utf8)
        case .tokens, .mixed: IncrementalDetokenizer.text(of: encoded(tokenizer, isFirst: true), tokenizer)
        }
    }
}

extension JSONValue {
    fileprivate var isNumber: Bool {
        switch self {
        case .int, .number: true
        case .null, .bool, .string, .array, .object: false
        }
    }
}
