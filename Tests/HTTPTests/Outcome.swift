import Testing
import WireChecks

@testable import HTTP

/// What came out of the parser.
struct Outcome: Equatable {
    /// `METHOD path[?query] [body]` for each request, then `idle` (between requests), `waits` (inside one) or the
    /// status code of a refusal.
    private(set) var lines: [String] = []
    /// All heads, of requests that were refused later too.
    private(set) var heads: [RequestHead] = []
    private(set) var fault: WireError.Fault?
    private(set) var limit: HTTPLimit?

    /// - Parameter pieces: The input, cut; each piece is given alone.
    static func of(_ pieces: some Sequence<ArraySlice<UInt8>>, limits: HTTPLimits = HTTPLimits()) -> [String]
    {
        var used = 0
        return Outcome(pieces, limits: limits, used: &used).lines
    }

    /// - Parameter used: How many bytes the parser took, or looked at before it refused.
    init(_ pieces: some Sequence<ArraySlice<UInt8>>, limits: HTTPLimits, used: inout Int) {
        var parser = RequestParser(limits: limits)
        var line = ""
        var body: [UInt8] = []
        used = 0
        var position = 0
        do throws(WireError) {
            for piece in pieces {
                position = 0
                while let event = try parser.next(piece.span, &position) {
                    switch event {
                    case .head(let head):
                        heads.append(head)
                        line = "\(head.method.rawValue) \(head.path)" + (head.query.map { "?\($0)" } ?? "")
                        try parser.limitBody(to: limits.bodyBytesMax)
                    case .body(let range):
                        body += piece[(piece.startIndex + range.lowerBound)...].prefix(range.count)
                    case .end:
                        lines.append(
                            body.isEmpty ? line : "\(line) [\(String(decoding: body, as: UTF8.self))]")
                        body = []
                    }
                }
                used += position
            }
            lines.append(parser.isBetweenRequests ? "idle" : "waits")
        } catch {
            used += position
            fault = error.fault
            limit = error.limit
            lines.append("\(error.fault.status.code)")
        }
    }
}

/// From one place of an input to the next where something is done to it: an optimised build takes every one, a debug
/// build, which the sanitizers need, fewer.
#if DEBUG
    let placesStep = 7
    private let longCutsStep = 31
#else
    let placesStep = 1
    private let longCutsStep = 1
#endif

/// The outcome is the expected one for the whole input, for every cut in two, and byte by byte, and all heads, with
/// each of their lines, are the same.
func expectSame(_ wire: WireCase, limits: HTTPLimits = HTTPLimits()) {
    let bytes = wire.bytes
    var used = 0
    var ignored = 0
    let whole = Outcome([bytes[...]], limits: limits, used: &used)
    #expect(whole.lines == wire.expected)
    let single = Outcome(bytes.indices.lazy.map { bytes[$0...$0] }, limits: limits, used: &ignored)
    #expect(single == whole, "byte by byte")
    // Of what lies behind a refusal the parser sees nothing, wherever it is cut. The one row that is refused after
    // more than 20,000 bytes repeats itself all along.
    let last = min(bytes.count, used + 2)
    let step = used > 20_000 ? 1_009 * placesStep : used > 2_000 ? longCutsStep : used > 200 ? placesStep : 1
    for cut in stride(from: 0, through: last, by: step) {
        let outcome = Outcome([bytes[..<cut], bytes[cut...]], limits: limits, used: &ignored)
        #expect(outcome == whole, "cut at \(cut)")
    }
}
