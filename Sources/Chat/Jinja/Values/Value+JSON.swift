import JSON

extension Value {
    /// A value out of the request: every string in it, also each key, is marked as such.
    init(request json: JSONValue) { self.init(json, isTemplate: false) }

    init(_ json: JSONValue, isTemplate: Bool) {
        switch json {
        case .null: self = .none
        case .bool(let value): self = .bool(value)
        case .int(let value): self = .int(Int(value))
        case .number(let value): self = .float(value)
        case .string(let text): self = .string(MarkedString(text, isTemplate: isTemplate))
        case .array(let elements):
            self = .list(ListValue(elements.map { Value($0, isTemplate: isTemplate) }))
        case .object(let object):
            let dictionary = DictionaryValue()
            for (key, value) in object {
                dictionary.set(
                    MarkedString(key, isTemplate: isTemplate), Value(value, isTemplate: isTemplate))
            }
            self = .dictionary(dictionary)
        }
    }
}
