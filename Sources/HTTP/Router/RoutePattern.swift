/// The path of a route, cut at its slashes.
struct RoutePattern: Sendable, Equatable {
    private enum Segment: Equatable {
        case literal(String)
        case parameter(String)
    }

    private let segments: [Segment]

    /// A pattern comes from the program, so a bad one is a programmer's error.
    init(_ text: String) {
        precondition(text.hasPrefix("/"), "a route's pattern starts with a slash: \(text)")
        segments = text.dropFirst().split(separator: "/", omittingEmptySubsequences: false).map { part in
            part.hasPrefix("{") && part.hasSuffix("}")
                ? .parameter(String(part.dropFirst().dropLast())) : .literal(String(part))
        }
    }

    var isLiteral: Bool {
        segments.allSatisfy { if case .literal = $0 { true } else { false } }
    }

    /// - Parameter path: Decoded segments.
    /// - Returns: The parameters by name, or nil when the path is another one.
    func match(_ path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (segment, text) in zip(segments, path) {
            switch segment {
            case .literal(let literal):
                // By bytes: `String` calls the Kelvin sign and K equal.
                guard text.utf8.elementsEqual(literal.utf8) else { return nil }
            case .parameter(let name):
                guard !text.isEmpty, text != ".", text != ".." else { return nil }
                parameters[name] = text
            }
        }
        return parameters
    }
}
