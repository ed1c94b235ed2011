extension JSONValue {
    /// Reads one document: strict RFC 8259, UTF-8, no byte order mark, no member name twice in one object.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        var reader = JSONReader(bytes, limits: limits)
        guard let first = try reader.next() else { throw reader.unexpected("a value") }
        let value = try build(first, from: &reader)
        // Past the value the reader yields nothing, or throws at what follows it.
        _ = try reader.next()
        return value
    }

    public static func parse(
        _ bytes: [UInt8], limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        let result = bytes.withUnsafeBytes { buffer -> Result<JSONValue, JSONError> in
            do throws(JSONError) {
                return .success(try parse(buffer, limits: limits))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }

    public static func parse(
        _ text: String, limits: JSONLimits = JSONLimits()
    ) throws(JSONError) -> JSONValue {
        try parse(Array(text.utf8), limits: limits)
    }

    /// The value that `token` begins. The reader's depth limit bounds the recursion.
    private static func build(
        _ token: JSONToken, from reader: inout JSONReader
    ) throws(JSONError) -> JSONValue {
        switch token {
        case .null, .endArray, .endObject: .null
        case .bool(let value): .bool(value)
        case .int(let value): .int(value)
        case .number(let value): .number(value)
        case .string(let value), .key(let value): .string(value)
        case .beginArray: .array(try buildArray(from: &reader))
        case .beginObject: .object(try buildObject(from: &reader))
        }
    }

    private static func buildArray(from reader: inout JSONReader) throws(JSONError) -> [JSONValue] {
        var elements: [JSONValue] = []
        while let token = try reader.next(), token != .endArray {
            elements.append(try build(token, from: &reader))
        }
        return elements
    }

    private static func buildObject(from reader: inout JSONReader) throws(JSONError) -> JSONObject {
        var object = JSONObject()
        while case .key(let key)? = try reader.next() {
            let keyOffset = reader.tokenOffset
            guard let token = try reader.next() else { break }
            let value = try build(token, from: &reader)
            guard object.append(key, value) else {
                throw reader.error("the member \"\(key)\" occurs twice in one object", at: keyOffset)
            }
        }
        return object
    }
}
