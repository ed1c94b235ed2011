/// What an error says, in the shape that OpenAI's clients read:
/// `{"error":{"message":…,"type":…,"param":…,"code":…}}`.
public struct ErrorBody: Sendable, Equatable {
    /// For a person: what was wrong, where, and what would be right.
    public var message: String
    /// The family: `invalid_request_error`, `server_error`, …
    public var type: String
    /// The request field at fault.
    public var param: String?
    /// The one case, for programs.
    public var code: String?

    public init(
        message: String, type: String = "invalid_request_error", param: String? = nil, code: String? = nil
    ) {
        self.message = message
        self.type = type
        self.param = param
        self.code = code
    }

    /// JSON text.
    public var encoded: [UInt8] {
        var json: [UInt8] = Array(#"{"error":{"message":"#.utf8)
        appendString(message, to: &json)
        json.append(contentsOf: #","type":"#.utf8)
        appendString(type, to: &json)
        json.append(contentsOf: #","param":"#.utf8)
        appendString(param, to: &json)
        json.append(contentsOf: #","code":"#.utf8)
        appendString(code, to: &json)
        json.append(contentsOf: "}}".utf8)
        return json
    }

    private func appendString(_ text: String?, to json: inout [UInt8]) {
        guard let text else {
            json.append(contentsOf: "null".utf8)
            return
        }
        let hex = Array("0123456789abcdef".utf8)
        json.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                json.append(UInt8(ascii: "\\"))
                json.append(byte)
            case 0..<0x20, 0x7F:
                json.append(contentsOf: "\\u00".utf8)
                json.append(hex[Int(byte >> 4)])
                json.append(hex[Int(byte & 15)])
            default:
                json.append(byte)
            }
        }
        json.append(UInt8(ascii: "\""))
    }
}
