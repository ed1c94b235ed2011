import JSON
import ModelFiles

/// Token ids that come from outside.
enum TokenIDs {
    /// - Parameter first: the place of the first value in the array at `path`.
    static func read(
        _ values: [JSONValue], path: String, first: Int = 0, vocabularyCount: Int
    ) throws(APIError) -> [TokenID] {
        guard (1...APILimits.tokenCountMax).contains(values.count) else {
            throw .invalid(
                path, "'\(path)' has \(values.count) tokens, but must have 1 to \(APILimits.tokenCountMax).",
                code: "invalid_value")
        }
        var tokens: [TokenID] = []
        tokens.reserveCapacity(values.count)
        for (place, value) in values.enumerated() {
            let index = first + place
            guard let id = value.int else {
                throw .wrongType("\(path)[\(index)]", value, "a token id")
            }
            guard id >= 0, id < Int64(vocabularyCount) else {
                throw .invalid(
                    "\(path)[\(index)]",
                    "'\(path)[\(index)]' is \(id), but token ids lie between 0 and \(vocabularyCount - 1).",
                    code: "invalid_value")
            }
            tokens.append(TokenID(id))
        }
        return tokens
    }
}
