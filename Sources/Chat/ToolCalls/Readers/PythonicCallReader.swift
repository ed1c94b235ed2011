/// Reads calls that are written as a list of Python calls, and writes their arguments as JSON.
struct PythonicCallReader: Sendable {
    private enum State { case between, closing, name, key, seekKey, value }

    private let close: [UInt8]
    /// An answer that merely begins with `[`: only the offered functions make it calls.
    private let isBare: Bool
    private var state = State.between
    private var raw: [UInt8]
    private var hasCalls = false
    private var isOpen = false
    private var hasArguments = false
    private var word: [UInt8] = []
    private var literal = PythonLiteral()
    private var closed = 0

    init(_ calls: PythonicCalls, isBare: Bool, raw: [UInt8]) {
        close = Array(calls.close.utf8)
        self.isBare = isBare
        self.raw = raw
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        if !isOpen { raw.append(byte) }
        switch state {
        case .between: return between(byte)
        case .closing: return closing(byte)
        case .name: return readName(byte, &out, tools)
        case .seekKey:
            if byte.isASCIIWhitespace || byte == UInt8(ascii: ",") { return .more }
            if byte == UInt8(ascii: ")") { return callEnds(&out) }
            guard Self.isNameByte(byte) else { return broken(byte, &out) }
            (state, word) = (.key, [byte])
            return .more
        case .key: return readKey(byte, &out)
        case .value: return readValue(byte, &out)
        }
    }

    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        guard isOpen else { return hasCalls && (state == .between || state == .closing) ? [] : raw }
        if state == .seekKey || state == .key { out.arguments((hasArguments ? "}" : "{}").utf8) }
        out.end()
        return []
    }

    private mutating func between(_ byte: UInt8) -> CallVerdict {
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: ","): return .more
        case UInt8(ascii: "]"): return close.isEmpty && hasCalls ? .ended : .more
        case _ where byte.isASCIIWhitespace: return .more
        case _ where byte == close.first:
            (state, closed) = (.closing, 0)
            return closing(byte)
        case _ where byte.isASCIILetter || byte == UInt8(ascii: "_"):
            (state, word) = (.name, [byte])
            return .more
        default: return .refused(content: hasCalls ? [] : Array(raw.dropLast()), again: [byte])
        }
    }

    private mutating func closing(_ byte: UInt8) -> CallVerdict {
        guard byte == close[closed] else {
            if hasCalls { return .refused(content: [], again: Array(close[..<closed]) + [byte]) }
            return .refused(content: Array(raw.dropLast()), again: [byte])
        }
        closed += 1
        guard closed == close.count else { return .more }
        return hasCalls ? .ended : .refused(content: raw, again: [])
    }

    private mutating func readName(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures)
        -> CallVerdict
    {
        if Self.isNameByte(byte), word.count < CallSyntax.nameBytesMax {
            word.append(byte)
            return .more
        }
        // Llama's own functions are written `brave_search.call(query="…")`.
        if word.hasSuffix(Array(".call".utf8)) { word.removeLast(".call".utf8.count) }
        let isOffered = !isBare || tools.has(String(decoding: word, as: UTF8.self))
        guard byte == UInt8(ascii: "("), isOffered else {
            return .refused(content: Array(raw.dropLast()), again: [byte])
        }
        out.begin(name: word)
        (state, raw, hasCalls, isOpen, hasArguments) = (.seekKey, [], true, true, false)
        return .more
    }

    private mutating func readKey(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if byte == UInt8(ascii: "=") {
            out.arguments((hasArguments ? ", " : "{").utf8)
            out.quoted(word)
            out.arguments(": ".utf8)
            (state, literal, hasArguments) = (.value, PythonLiteral(), true)
            return .more
        }
        if byte.isASCIIWhitespace { return .more }
        guard Self.isNameByte(byte), word.count < CallSyntax.nameBytesMax else { return broken(byte, &out) }
        word.append(byte)
        return .more
    }

    private mutating func readValue(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch literal.take(byte, &out) {
        case .inside: return .more
        case .broken:
            out.end()
            isOpen = false
            return .refused(content: [], again: [byte])
        case .after:
            if byte == UInt8(ascii: ")") { return callEnds(&out) }
            state = .seekKey
            return .more
        }
    }

    private mutating func callEnds(_ out: inout AnswerPieces) -> CallVerdict {
        out.arguments((hasArguments ? "}" : "{}").utf8)
        out.end()
        (state, isOpen, raw) = (.between, false, [])
        return .more
    }

    private mutating func broken(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        out.arguments((hasArguments ? "}" : "{}").utf8)
        out.end()
        isOpen = false
        return .refused(content: [], again: [byte])
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte == UInt8(ascii: "_") || byte == UInt8(ascii: ".")
            || byte == UInt8(ascii: "-")
    }
}

/// Rewrites a Python literal as JSON, byte by byte.
private struct PythonLiteral: Sendable {
    enum Step {
        case inside
        /// The literal ended before the byte, which is a comma or a closing parenthesis.
        case after
        case broken
    }

    private enum State { case plain, word, string, escape, code }

    private var state = State.plain
    /// Closing brackets that are due: `}`, `]`, or `)` for a tuple.
    private var open: [UInt8] = []
    private var quote: UInt8 = 0
    private var word: [UInt8] = []
    private var digitsLeft = 0
    private var code: UInt32 = 0

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces) -> Step {
        switch state {
        case .plain: return plain(byte, &out)
        case .word:
            if Self.isWordByte(byte), word.count < CallSyntax.nameBytesMax {
                word.append(byte)
                return .inside
            }
            state = .plain
            writeWord(&out)
            return plain(byte, &out)
        case .string:
            if byte == quote {
                out.arguments("\"".utf8)
                state = .plain
            } else if byte == UInt8(ascii: "\\") {
                state = .escape
            } else {
                out.escaped(byte)
            }
            return .inside
        case .escape:
            escape(byte, &out)
            return .inside
        case .code:
            guard let digit = JSONTextDecoder.hexDigit(byte) else {
                state = .string
                return take(byte, &out)
            }
            code = code << 4 | digit
            digitsLeft -= 1
            if digitsLeft == 0 {
                state = .string
                for byte in JSONTextDecoder.utf8(code) { out.escaped(byte) }
            }
            return .inside
        }
    }

    private mutating func plain(_ byte: UInt8, _ out: inout AnswerPieces) -> Step {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "'"):
            (state, quote) = (.string, byte)
            out.arguments("\"".utf8)
        case UInt8(ascii: "["), UInt8(ascii: "("):
            open.append(byte == UInt8(ascii: "[") ? UInt8(ascii: "]") : UInt8(ascii: ")"))
            out.arguments("[".utf8)
        case UInt8(ascii: "{"):
            open.append(UInt8(ascii: "}"))
            out.arguments("{".utf8)
        case UInt8(ascii: "]"), UInt8(ascii: "}"), UInt8(ascii: ")"):
            guard let due = open.popLast() else { return byte == UInt8(ascii: ")") ? .after : .broken }
            guard due == byte else { return .broken }
            out.arguments((byte == UInt8(ascii: "}") ? "}" : "]").utf8)
        case UInt8(ascii: ","):
            if open.isEmpty { return .after }
            out.arguments(", ".utf8)
        case UInt8(ascii: ":"):
            guard open.last == UInt8(ascii: "}") else { return .broken }
            out.arguments(": ".utf8)
        case _ where byte.isASCIIWhitespace: break
        case _ where Self.isWordByte(byte): (state, word) = (.word, [byte])
        default: return .broken
        }
        return .inside
    }

    private mutating func escape(_ byte: UInt8, _ out: inout AnswerPieces) {
        state = .string
        switch byte {
        case UInt8(ascii: "n"): out.escaped(0x0A)
        case UInt8(ascii: "t"): out.escaped(0x09)
        case UInt8(ascii: "r"): out.escaped(0x0D)
        case UInt8(ascii: "x"): (state, digitsLeft, code) = (.code, 2, 0)
        case UInt8(ascii: "u"): (state, digitsLeft, code) = (.code, 4, 0)
        case UInt8(ascii: "U"): (state, digitsLeft, code) = (.code, 8, 0)
        case UInt8(ascii: "\\"), UInt8(ascii: "'"), UInt8(ascii: "\""): out.escaped(byte)
        default:
            // Python keeps the backslash of an escape that it does not know.
            out.escaped(UInt8(ascii: "\\"))
            out.escaped(byte)
        }
    }

    private func writeWord(_ out: inout AnswerPieces) {
        switch String(decoding: word, as: UTF8.self) {
        case "True", "true": out.arguments("true".utf8)
        case "False", "false": out.arguments("false".utf8)
        case "None", "null": out.arguments("null".utf8)
        case let text where BareNumber.isJSON(text): out.arguments(word)
        default: out.quoted(word)
        }
    }

    private static func isWordByte(_ byte: UInt8) -> Bool {
        byte.isASCIILetter || byte.isASCIIDigit || byte >= 0x80 || byte == UInt8(ascii: "_")
            || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "+")
    }
}
