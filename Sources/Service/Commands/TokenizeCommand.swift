import Glibc
import JSON
import ModelFiles
import Tokenization

/// `apus tokenize`: a JSON array on standard input, one line of JSON for each element on standard output. Needs no more
/// of the model file than its vocabulary.
public enum TokenizeCommand {
    public static func run(
        model: String?, environment: [String: String], special: Bool, detokenize: Bool
    ) throws {
        let path = try ModelLocation.resolve(model, environment: environment)
        let tokenizer = try ModelLoader.tokenizer(of: ModelLoader.open(path), path)
        let values = try elements(detokenize ? "an array of arrays of token ids" : "an array of strings")
        // Nothing is written before all of the input is known to be right.
        let lines = try values.enumerated().map { index, value in
            detokenize
                ? try text(value, index, tokenizer, special: special)
                : try tokens(value, index, tokenizer, special: special)
        }
        for line in lines { LogOutput.writeAll(line + [UInt8(ascii: "\n")], to: STDOUT_FILENO) }
    }

    private static func elements(_ right: String) throws(ServiceError) -> [JSONValue] {
        let input = try StandardInput.readAll()
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(input)
        } catch {
            throw ServiceError("standard input is not valid JSON: \(error)")
        }
        guard let values = value.array else {
            throw ServiceError("standard input must be \(right), not \(value.typeName)")
        }
        return values
    }

    private static func tokens(
        _ value: JSONValue, _ index: Int, _ tokenizer: Tokenizer, special: Bool
    ) throws(ServiceError) -> [UInt8] {
        guard let text = value.string else {
            throw ServiceError("element \(index) of standard input is no string")
        }
        var writer = JSONWriter()
        writer.beginArray()
        for token in tokenizer.encode(text, addSpecial: special, parseSpecial: special) { writer.int(token) }
        writer.endArray()
        return writer.bytes
    }

    private static func text(
        _ value: JSONValue, _ index: Int, _ tokenizer: Tokenizer, special: Bool
    ) throws(ServiceError) -> [UInt8] {
        let ids = value.array?.compactMap { element -> TokenID? in
            guard case .int(let id) = element, (0..<Int64(tokenizer.vocabularyCount)).contains(id) else {
                return nil
            }
            return TokenID(id)
        }
        guard let ids, ids.count == value.array?.count else {
            throw ServiceError(
                "element \(index) of standard input is no array of token ids from 0 to \(tokenizer.vocabularyCount - 1)"
            )
        }
        var writer = JSONWriter()
        writer.string(utf8: tokenizer.decode(ids, special: special))
        return writer.bytes
    }
}
