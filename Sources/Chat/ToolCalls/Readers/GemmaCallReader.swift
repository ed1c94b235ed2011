import JSON

/// Reads Gemma 4's calls, `call:f{k:<|"|>v<|"|>,n:1}`, and writes their arguments as JSON.
struct GemmaCallReader: Sendable {
    static let open = "<|tool_call>"
    static let close = "<tool_call|>"
    static let quote = "<|\"|>"

    private enum State { case prefix, name, key, value, text, word, afterValue, seekClose }

    private var state = State.prefix
    private var prefix = MarkerSeeker(["call:"])
    private var end = MarkerSeeker([GemmaCallReader.close])
    private let quoteBytes = Array(GemmaCallReader.quote.utf8)
    private var raw: [UInt8]
    private var word: [UInt8] = []
    /// Closing brackets that are due.
    private var openBrackets: [UInt8] = []
    private var isKey = false
    private var hasBegun = false
    /// A member or element stands before the next one.
    private var needsComma = false
    private var held: [UInt8] = []

    init(raw: [UInt8]) { self.raw = raw }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if !hasBegun { raw.append(byte) }
        switch state {
        case .prefix:
            switch prefix.take(byte) {
            case .more: return .more
            case .found:
                state = .name
                return .more
            case .broken: return .refused(content: Array(raw.dropLast()), again: [byte])
            }
        case .name: return readName(byte, &out)
        case .key: return readKey(byte, &out)
        case .value: return startValue(byte, &out)
        case .text:
            readText(byte, &out)
            return .more
        case .word: return readWord(byte, &out)
        case .afterValue: return afterValue(byte, &out)
        case .seekClose:
            switch end.take(byte) {
            case .more: return .more
            case .found: return .ended
            case .broken(let bytes): return .refused(content: [], again: bytes)
            }
        }
    }

    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        switch state {
        case .prefix, .name: return raw
        case .seekClose: return []
        case .word: writeWord(&out)
        case .text: for byte in held where !isKey { out.escaped(byte) }
        case .key, .value, .afterValue: break
        }
        out.end()
        return []
    }

    private mutating func readName(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if byte == UInt8(ascii: "{") {
            guard !word.isEmpty else { return .refused(content: raw, again: []) }
            out.begin(name: word)
            (hasBegun, raw) = (true, [])
            push(UInt8(ascii: "{"), &out)
            return .more
        }
        guard !byte.isASCIIWhitespace, byte != UInt8(ascii: "<"), word.count < CallSyntax.nameBytesMax else {
            return .refused(content: Array(raw.dropLast()), again: [byte])
        }
        word.append(byte)
        return .more
    }

    private mutating func push(_ bracket: UInt8, _ out: inout AnswerPieces) {
        let isObject = bracket == UInt8(ascii: "{")
        openBrackets.append(isObject ? UInt8(ascii: "}") : UInt8(ascii: "]"))
        out.arguments([bracket])
        (state, word, needsComma) = (isObject ? .key : .value, [], false)
    }

    /// A bracket closes: the last one ends the call.
    private mutating func pop(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        guard openBrackets.last == byte else { return broken(byte, &out) }
        openBrackets.removeLast()
        out.arguments([byte])
        if openBrackets.isEmpty {
            out.end()
            state = .seekClose
        } else {
            state = .afterValue
        }
        return .more
    }

    private mutating func readKey(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch byte {
        case UInt8(ascii: "}") where word.isEmpty: return pop(byte, &out)
        case UInt8(ascii: ":"):
            if word.hasSuffix(quoteBytes), word.starts(with: quoteBytes), word.count >= 2 * quoteBytes.count {
                word = Array(word.dropFirst(quoteBytes.count).dropLast(quoteBytes.count))
            }
            if needsComma { out.arguments(", ".utf8) }
            out.quoted(word)
            out.arguments(": ".utf8)
            (state, word, needsComma) = (.value, [], false)
            return .more
        case _ where byte.isASCIIWhitespace && word.isEmpty: return .more
        default:
            word.append(byte)
            return word.count > CallSyntax.nameBytesMax ? broken(byte, &out) : .more
        }
    }

    private mutating func startValue(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if byte.isASCIIWhitespace { return .more }
        if byte == UInt8(ascii: "]") { return pop(byte, &out) }
        if needsComma { out.arguments(", ".utf8) }
        needsComma = false
        switch byte {
        case UInt8(ascii: "{"), UInt8(ascii: "["): push(byte, &out)
        default:
            (state, word) = (.word, [])
            return readWord(byte, &out)
        }
        return .more
    }

    /// A bare value, or the quotation mark before a text.
    private mutating func readWord(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        let isEnd = byte == UInt8(ascii: ",") || byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
        if isEnd {
            writeWord(&out)
            state = .afterValue
            return afterValue(byte, &out)
        }
        word.append(byte)
        if word == quoteBytes {
            out.arguments("\"".utf8)
            (state, held, word) = (.text, [], [])
        }
        return .more
    }

    private mutating func writeWord(_ out: inout AnswerPieces) {
        while let last = word.last, last.isASCIIWhitespace { word.removeLast() }
        let text = String(decoding: word, as: UTF8.self)
        if text == "true" || text == "false" || text == "null" || BareNumber.isJSON(text) {
            out.arguments(word)
        } else {
            out.quoted(word)
        }
        word = []
    }

    private mutating func readText(_ byte: UInt8, _ out: inout AnswerPieces) {
        held.append(byte)
        if held.hasSuffix(quoteBytes) {
            for byte in held.dropLast(quoteBytes.count) { out.escaped(byte) }
            out.arguments("\"".utf8)
            state = .afterValue
            return
        }
        var kept = min(held.count, quoteBytes.count - 1)
        while kept > 0, !held.suffix(kept).elementsEqual(quoteBytes.prefix(kept)) { kept -= 1 }
        for byte in held.dropLast(kept) { out.escaped(byte) }
        held.removeFirst(held.count - kept)
    }

    private mutating func afterValue(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch byte {
        case UInt8(ascii: ","):
            (state, word, needsComma) = (openBrackets.last == UInt8(ascii: "}") ? .key : .value, [], true)
            return .more
        case UInt8(ascii: "}"), UInt8(ascii: "]"): return pop(byte, &out)
        default: return byte.isASCIIWhitespace ? .more : broken(byte, &out)
        }
    }

    private mutating func broken(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        out.end()
        return .refused(content: [], again: [byte])
    }
}

/// Whether a bare word is a number that JSON knows.
enum BareNumber {
    static func isJSON(_ text: String) -> Bool {
        guard let first = text.utf8.first, first.isASCIIDigit || first == UInt8(ascii: "-") else {
            return false
        }
        return (try? JSONValue.parse(text)) != nil
    }
}
