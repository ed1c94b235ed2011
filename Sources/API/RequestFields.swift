import JSON

/// Reads the fields of a request object, checks their types, and remembers which ones were used, so that the
/// others can be named to the client. A field that is `null` counts as absent.
struct RequestFields {
    /// Where the object stands in the request: `stream_options.`, or empty.
    let path: String
    private let object: JSONObject
    /// Of the object's fields those that were asked for.
    private var used: Set<String> = []

    init(_ object: JSONObject, path: String = "") {
        self.object = object
        self.path = path
    }

    /// Fields that no reader asked for, with their paths, in the request's order.
    var unusedNames: [String] {
        object.filter { !$0.value.isNull && !used.contains($0.key) }.map { path + $0.key }
    }

    /// The value, which counts as used from here on.
    mutating func take(_ name: String) -> JSONValue? {
        guard let value = peek(name) else { return nil }
        used.insert(name)
        return value
    }

    /// The value, used or not.
    func peek(_ name: String) -> JSONValue? {
        guard let value = object[name], !value.isNull else { return nil }
        return value
    }

    /// What is left when all fields were read: it has no effect, and the client is told; or refused, where it asked for
    /// that with `strict`.
    ///
    /// - Parameter others: Further names, from within other fields.
    mutating func ignored(and others: [String] = []) throws(APIError) -> IgnoredFields {
        let isStrict = try bool("strict") ?? false
        let ignored = IgnoredFields(names: unusedNames + others)
        if isStrict, let refusal = ignored.refusal { throw refusal }
        return ignored
    }

    func isUsed(_ name: String) -> Bool { used.contains(name) }

    /// A field that is not supported is used all the same when its value asks for nothing.
    mutating func takeIf(_ name: String, _ asksForNothing: (JSONValue) -> Bool) {
        if let value = peek(name), asksForNothing(value) { used.insert(name) }
    }

    mutating func string(_ name: String) throws(APIError) -> String? {
        guard let value = take(name) else { return nil }
        guard let text = value.string else { throw wrongType(name, value, "a string") }
        return text
    }

    mutating func bool(_ name: String) throws(APIError) -> Bool? {
        guard let value = take(name) else { return nil }
        guard let flag = value.bool else { throw wrongType(name, value, "true or false") }
        return flag
    }

    mutating func integer(_ name: String, in range: ClosedRange<Int64>) throws(APIError) -> Int? {
        guard let value = take(name) else { return nil }
        if let number = value.int, range.contains(number) { return Int(number) }
        // What is whole may still be too large for 64 bits.
        guard let size = value.double, size == size.rounded() else {
            throw wrongType(name, value, "an integer")
        }
        let shown = value.int.map { "\($0)" } ?? "\(size)"
        throw outOfRange(name, shown, "\(range.lowerBound)", "\(range.upperBound)")
    }

    mutating func number(_ name: String, in range: ClosedRange<Double>) throws(APIError) -> Float? {
        guard let value = take(name) else { return nil }
        guard let number = value.double else { throw wrongType(name, value, "a number") }
        guard number.isFinite, range.contains(number) else {
            throw outOfRange(name, "\(number)", "\(range.lowerBound)", "\(range.upperBound)")
        }
        return Float(number)
    }

    mutating func array(_ name: String) throws(APIError) -> [JSONValue]? {
        guard let value = take(name) else { return nil }
        guard let elements = value.array else { throw wrongType(name, value, "an array") }
        return elements
    }

    mutating func object(_ name: String) throws(APIError) -> JSONObject? {
        guard let value = take(name) else { return nil }
        guard let members = value.object else { throw wrongType(name, value, "an object") }
        return members
    }

    func missing(_ name: String, _ right: String) -> APIError {
        .invalid(
            path + name, "'\(path + name)' is missing: it must be \(right).",
            code: "missing_required_parameter")
    }

    func wrongType(_ name: String, _ value: JSONValue, _ right: String) -> APIError {
        APIError.wrongType(path + name, value, right)
    }

    private func outOfRange(_ name: String, _ value: String, _ low: String, _ high: String) -> APIError {
        .invalid(
            path + name, "'\(path + name)' is \(value), but must lie between \(low) and \(high).",
            code: "invalid_value")
    }
}

extension APIError {
    static func wrongType(_ param: String, _ value: JSONValue, _ right: String) -> APIError {
        let article = "aeio".contains(value.typeName.prefix(1)) ? "an" : "a"
        let found = value.isNull ? "null" : "\(article) \(value.typeName)"
        return .invalid(param, "'\(param)' is \(found), but must be \(right).", code: "invalid_type")
    }
}
