/// Reads calls that are JSON objects, one after the other or in a list, up to the closing text.
///
/// A call begins as soon as its name is known; its arguments go on as they come, also when they are JSON text
/// inside of a string. Names of members differ between families, so all known ones are taken.
struct ObjectCallReader: Sendable {
    private enum State { case between, closing, key, keyText, colon, value, text, follow, afterValue }
    private enum Role { case name, arguments, id, function, other }

    private let close: [UInt8]
    private let nameIsKey: Bool
    /// An answer that merely begins with `{`: only the offered functions and known members make it a call.
    private let isBare: Bool
    private var state = State.between
    private var role = Role.other
    /// What was read and has not become part of a call.
    private var raw: [UInt8]
    private var hasCalls = false
    private var isInList = false
    private var closed = 0

    /// The open object.
    private var hasBegun = false
    private var hasArguments = false
    /// Arguments that came before the name.
    private var early: [UInt8] = []
    private var id: [UInt8]?
    /// `{"type": "function", "function": {…}}`: objects around the call's members.
    private var wrappers = 0

    private var word: [UInt8] = []
    private var isScalar = false
    private var decoder = JSONTextDecoder()
    private var follower = JSONValueFollower()

    /// - Parameter raw: What was read already: content, should no call come.
    init(_ calls: ObjectCalls, isBare: Bool, raw: [UInt8]) {
        close = Array(calls.close.utf8)
        nameIsKey = calls.nameIsKey
        self.isBare = isBare
        self.raw = raw
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        if !hasBegun { raw.append(byte) }
        switch state {
        case .between: return between(byte)
        case .closing: return closing(byte)
        case .key: return key(byte, &out)
        case .keyText:
            guard let decoded = decoder.take(byte) else { return keyEnds(&out, tools) }
            word += decoded
            return word.count > CallSyntax.nameBytesMax ? broken(byte, &out) : .more
        case .colon:
            if byte == UInt8(ascii: ":") { state = .value }
            return byte == UInt8(ascii: ":") || byte.isASCIIWhitespace ? .more : broken(byte, &out)
        case .value: return value(byte, &out)
        case .text: return text(byte, &out, tools)
        case .follow: return follow(byte, &out)
        case .afterValue:
            if byte == UInt8(ascii: ",") { state = .key }
            if byte == UInt8(ascii: "}") { return objectEnds(&out) }
            return byte == UInt8(ascii: ",") || byte.isASCIIWhitespace ? .more : broken(byte, &out)
        }
    }

    /// The answer is over: what is content after all.
    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        if hasBegun {
            flushScalar(&out)
            endCall(&out)
            return []
        }
        return state == .between && hasCalls ? [] : raw
    }

    // MARK: - Around objects

    /// The opening brace was read.
    mutating func enterObject() {
        state = .key
        (hasBegun, hasArguments, early, id, wrappers) = (false, false, [], nil, 0)
    }

    private mutating func between(_ byte: UInt8) -> CallVerdict {
        switch byte {
        case UInt8(ascii: "{"):
            enterObject()
            return .more
        case UInt8(ascii: "["):
            isInList = true
            return .more
        case UInt8(ascii: "]"):
            isInList = false
            return close.isEmpty && hasCalls ? .ended : .more
        case UInt8(ascii: ","), UInt8(ascii: ";"): return .more
        case _ where byte.isASCIIWhitespace: return .more
        case _ where byte == close.first:
            (state, closed) = (.closing, 0)
            return closing(byte)
        default: return refuse(byte)
        }
    }

    private mutating func closing(_ byte: UInt8) -> CallVerdict {
        guard byte == close[closed] else {
            if hasCalls { return .refused(content: [], again: Array(close[..<closed]) + [byte]) }
            return refuse(byte)
        }
        closed += 1
        guard closed == close.count else { return .more }
        return hasCalls ? .ended : .refused(content: raw, again: [])
    }

    /// No call begins here: the byte is read again as text.
    private func refuse(_ byte: UInt8) -> CallVerdict {
        .refused(content: hasCalls && state == .between ? [] : Array(raw.dropLast()), again: [byte])
    }

    private mutating func broken(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        guard hasBegun else { return refuse(byte) }
        flushScalar(&out)
        endCall(&out)
        return .refused(content: [], again: [byte])
    }

    // MARK: - Members

    private mutating func key(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch byte {
        case UInt8(ascii: "\""):
            (state, word, decoder) = (.keyText, [], JSONTextDecoder())
            return .more
        case UInt8(ascii: "}"): return objectEnds(&out)
        case UInt8(ascii: ","): return .more
        default: return byte.isASCIIWhitespace ? .more : broken(byte, &out)
        }
    }

    private mutating func keyEnds(_ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        state = .colon
        if nameIsKey {
            role = .arguments
            return hasBegun ? .more : begin(&out, tools)
        }
        switch String(decoding: word, as: UTF8.self) {
        case "name", "tool_name": role = .name
        case "arguments", "parameters": role = .arguments
        case "id", "tool_call_id": role = .id
        case "function": role = .function
        case "type": role = .other
        default:
            role = .other
            if isBare && !hasBegun { return .refused(content: raw, again: []) }
        }
        return .more
    }

    private mutating func value(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if byte.isASCIIWhitespace { return .more }
        if byte == UInt8(ascii: "\"") {
            // Some models write `"function": "f"`.
            if role == .function { role = .name }
            (state, word, decoder) = (.text, [], JSONTextDecoder())
            return .more
        }
        switch role {
        case .name: return broken(byte, &out)
        case .function where byte == UInt8(ascii: "{"):
            wrappers += 1
            state = .key
            return .more
        case .arguments, .id, .function, .other:
            (state, word, follower) = (.follow, [], JSONValueFollower())
            isScalar = byte != UInt8(ascii: "{") && byte != UInt8(ascii: "[")
            return follow(byte, &out)
        }
    }

    private mutating func text(_ byte: UInt8, _ out: inout AnswerPieces, _ tools: ToolSignatures)
        -> CallVerdict
    {
        guard let decoded = decoder.take(byte) else {
            state = .afterValue
            switch role {
            case .name: return hasBegun ? .more : begin(&out, tools)
            case .id: id = word
            case .arguments, .function, .other: break
            }
            return .more
        }
        switch role {
        case .arguments: argue(decoded, &out)
        case .name, .id:
            word += decoded
            if word.count > CallSyntax.nameBytesMax { return broken(byte, &out) }
        case .function, .other: break
        }
        return .more
    }

    private mutating func follow(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch follower.take(byte) {
        case .inside:
            pass(byte, &out)
            return .more
        case .last:
            pass(byte, &out)
            state = .afterValue
            return .more
        case .after:
            flushScalar(&out)
            state = .afterValue
            if byte == UInt8(ascii: ",") { state = .key }
            if byte == UInt8(ascii: "}") { return objectEnds(&out) }
            return byte == UInt8(ascii: ",") || byte.isASCIIWhitespace ? .more : broken(byte, &out)
        case .broken: return broken(byte, &out)
        }
    }

    private mutating func pass(_ byte: UInt8, _ out: inout AnswerPieces) {
        guard role == .arguments else { return }
        if isScalar { word.append(byte) } else { argue([byte], &out) }
    }

    /// Arguments that are a number or a word: `null` means none.
    private mutating func flushScalar(_ out: inout AnswerPieces) {
        guard state == .follow, role == .arguments, isScalar else { return }
        if word != Array("null".utf8) { argue(word, &out) }
        word = []
    }

    private mutating func argue(_ bytes: [UInt8], _ out: inout AnswerPieces) {
        guard !bytes.isEmpty else { return }
        if hasBegun {
            hasArguments = true
            out.arguments(bytes)
        } else {
            early += bytes
        }
    }

    private mutating func begin(_ out: inout AnswerPieces, _ tools: ToolSignatures) -> CallVerdict {
        let isOffered = !isBare || tools.has(String(decoding: word, as: UTF8.self))
        guard !word.isEmpty, isOffered else { return .refused(content: raw, again: []) }
        out.begin(name: word, id: id)
        (hasBegun, hasCalls, raw) = (true, true, [])
        argue(early, &out)
        early = []
        return .more
    }

    private mutating func objectEnds(_ out: inout AnswerPieces) -> CallVerdict {
        if wrappers > 0 {
            wrappers -= 1
            state = .afterValue
            return .more
        }
        guard hasBegun else { return .refused(content: raw, again: []) }
        endCall(&out)
        state = .between
        return .more
    }

    private mutating func endCall(_ out: inout AnswerPieces) {
        if !hasArguments { out.arguments("{}".utf8) }
        out.end()
        hasBegun = false
    }
}
