/// `type "/" subtype *( OWS ";" OWS name "=" value )` (RFC 9110 §8.3.1).
enum ContentType {
    /// The body is said to be JSON, with any parameters, but no charset other than UTF-8 (RFC 8259 §8.1 knows no
    /// other). No type at all is not JSON: what a page of another origin may send without being asked has none, or a
    /// form's.
    static func isJSON(_ fields: HTTPFields) -> Bool {
        guard let value = fields.bytes(of: "content-type") else { return false }
        let type = value.prefix { $0 != UInt8(ascii: ";") }
        guard ASCII.equalsIgnoringCase(ASCII.trimmed(type), "application/json") else { return false }
        return charsets(value[type.endIndex...]).allSatisfy {
            ASCII.equalsIgnoringCase($0, "utf-8") || ASCII.equalsIgnoringCase($0, "\"utf-8\"")
        }
    }

    private static func charsets(_ parameters: ArraySlice<UInt8>) -> [ArraySlice<UInt8>] {
        parameters.split(separator: UInt8(ascii: ";")).compactMap { parameter in
            let equals = parameter.firstIndex(of: UInt8(ascii: "=")) ?? parameter.endIndex
            let name = ASCII.trimmed(parameter[..<equals])
            return ASCII.equalsIgnoringCase(name, "charset")
                ? ASCII.trimmed(parameter[equals...].dropFirst()) : nil
        }
    }
}
