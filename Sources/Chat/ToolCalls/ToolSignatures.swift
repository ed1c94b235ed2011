import JSON

/// What has to be known of the offered functions to read calls of them: names, and which parameters are text.
public struct ToolSignatures: Sendable, Equatable {
    /// How a parameter's value, that comes as bare text, becomes JSON.
    enum Kind: Sendable, Equatable {
        case text, json
        /// JSON where it can be read as such, else text.
        case either
    }

    private var parameters: [String: [String: Kind]] = [:]

    /// - Parameter tools: As OpenAI's API describes them; what is something else is passed over.
    public init(_ tools: [JSONValue]) {
        for tool in tools {
            guard let function = tool["function"], let name = function["name"]?.string else { continue }
            var kinds: [String: Kind] = [:]
            for (key, schema) in function["parameters"]?["properties"]?.object ?? JSONObject() {
                kinds[key] = Self.kind(schema)
            }
            parameters[name] = kinds
        }
    }

    func has(_ name: String) -> Bool { parameters[name] != nil }

    func kind(of parameter: String, in function: String) -> Kind {
        parameters[function]?[parameter] ?? .either
    }

    private static func kind(_ schema: JSONValue) -> Kind {
        switch schema["type"] {
        case .string("string"): return .text
        case .string: return .json
        case .array(let types):
            if !types.contains("string") { return .json }
            return types.count == 1 ? .text : .either
        default:
            guard let values = schema["enum"]?.array, !values.isEmpty else { return .either }
            return values.allSatisfy { $0.string != nil } ? .text : .either
        }
    }
}
