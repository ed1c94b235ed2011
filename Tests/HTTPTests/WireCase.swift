import Testing

@testable import HTTP

/// Bytes, and what the parser has to make of them, however they are cut.
struct WireCase: Sendable, CustomTestStringConvertible {
    /// The number of the check in the project's list of wire checks.
    let check: Int
    let name: String
    let bytes: [UInt8]
    /// One line per request, then one for how it ends: see `Outcome`.
    let expected: [String]

    var testDescription: String { "\(check): \(name)" }

    init(_ check: Int, _ name: String, _ text: String, _ expected: String...) {
        self.init(check, name, Array(text.utf8), expected)
    }

    init(_ check: Int, _ name: String, _ bytes: [UInt8], _ expected: [String]) {
        self.check = check
        self.name = name
        self.bytes = bytes
        self.expected = expected
    }
}

/// What came out of the parser: `METHOD path[?query] [body]` for each request, then `idle` (between
/// requests), `waits` (inside one) or the status code of a refusal.
enum Outcome {
    /// - Parameter pieces: The input, cut; each piece is given alone.
    static func of(_ pieces: [ArraySlice<UInt8>], limits: HTTPLimits = HTTPLimits()) -> [String] {
        var parser = RequestParser(limits: limits)
        var lines: [String] = []
        var line = ""
        var body: [UInt8] = []
        do throws(WireError) {
            for piece in pieces {
                let input = Array(piece)
                var position = 0
                while let event = try parser.next(input, &position) {
                    switch event {
                    case .head(let head):
                        line = "\(head.method.rawValue) \(head.path)" + (head.query.map { "?\($0)" } ?? "")
                        try parser.limitBody(to: limits.bodyBytesMax)
                    case .body(let range): body += input[range]
                    case .end:
                        lines.append(
                            body.isEmpty ? line : "\(line) [\(String(decoding: body, as: UTF8.self))]")
                        body = []
                    }
                }
            }
            lines.append(parser.isBetweenRequests ? "idle" : "waits")
        } catch {
            lines.append("\(error.fault.status.code)")
        }
        return lines
    }
}
