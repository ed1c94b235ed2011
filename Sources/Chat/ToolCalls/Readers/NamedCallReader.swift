/// Reads calls that are a name and a JSON object.
struct NamedCallReader: Sendable {
    private enum State { case seekCall, id, name, lateID, seekArguments, arguments, seekEnd }

    private let calls: NamedCalls
    private let nameEnd: [UInt8]
    private let idEnd: [UInt8]
    private let idOpen: [UInt8]
    private var state: State
    private var seeker: MarkerSeeker
    private var follower = JSONValueFollower()
    /// What was read and has not become part of a call.
    private var raw: [UInt8]
    private var hasCalls = false
    private var word: [UInt8] = []
    private var name: [UInt8] = []
    private var id: [UInt8]?

    init(_ calls: NamedCalls, raw: [UInt8]) {
        self.calls = calls
        nameEnd = Array(calls.nameEnd.utf8)
        idEnd = Array(calls.idEnd.utf8)
        idOpen = Array(calls.idOpen.utf8)
        self.raw = raw
        state = calls.callOpen.isEmpty ? .name : .seekCall
        seeker = Self.callSeeker(calls)
    }

    private static func callSeeker(_ calls: NamedCalls) -> MarkerSeeker {
        MarkerSeeker(calls.close.isEmpty ? [calls.callOpen] : [calls.callOpen, calls.close])
    }

    mutating func take(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch state {
        case .seekCall: return seekCall(byte)
        case .id, .name, .lateID: return readWord(byte, &out)
        case .seekArguments:
            if byte.isASCIIWhitespace { return .more }
            guard byte == UInt8(ascii: "{") else { return endEarly(byte, hasArguments: false, &out) }
            state = .arguments
            follower = JSONValueFollower()
            return follow(byte, &out)
        case .arguments: return follow(byte, &out)
        case .seekEnd: return seekEnd(byte)
        }
    }

    mutating func finish(_ out: inout AnswerPieces) -> [UInt8] {
        switch state {
        case .seekCall: return hasCalls ? [] : raw
        case .id, .name: return raw
        case .lateID, .seekArguments:
            begin(&out)
            out.arguments("{}".utf8)
            out.end()
            return []
        case .arguments:
            out.end()
            return []
        case .seekEnd: return []
        }
    }

    private mutating func seekCall(_ byte: UInt8) -> CallVerdict {
        raw.append(byte)
        switch seeker.take(byte) {
        case .more: return .more
        case .found(0):
            state = calls.idEnd.isEmpty ? .name : .id
            word = []
            return .more
        case .found:
            return hasCalls ? .ended : .refused(content: raw, again: [])
        case .broken(let bytes):
            if hasCalls { return .refused(content: [], again: bytes) }
            return .refused(content: Array(raw.dropLast()), again: [byte])
        }
    }

    /// A name or an id, up to the text behind it.
    private mutating func readWord(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        if state != .lateID { raw.append(byte) }
        word.append(byte)
        switch state {
        case .id where word.hasSuffix(idEnd):
            id = Array(word.dropLast(idEnd.count))
            (state, word) = (.name, [])
            return .more
        case .name where word.hasSuffix(nameEnd):
            return nameEnds(after: nameEnd, &out)
        case .name where !idOpen.isEmpty && word.hasSuffix(idOpen):
            return nameEnds(after: idOpen, &out)
        case .lateID where word.hasSuffix(nameEnd):
            id = Array(word.dropLast(nameEnd.count))
            begin(&out)
            state = .seekArguments
            return .more
        default: break
        }
        guard word.count > CallSyntax.nameBytesMax else { return .more }
        if state == .lateID { return endEarly(byte, hasArguments: false, &out) }
        return .refused(content: raw, again: [])
    }

    private mutating func nameEnds(after end: [UInt8], _ out: inout AnswerPieces) -> CallVerdict {
        name = Array(word.dropLast(end.count))
        if !calls.contentName.isEmpty, name.elementsEqual(calls.contentName.utf8) {
            return .refused(content: [], again: [])
        }
        if calls.hasIndexedNames { readIndexedName() }
        let isName = name.allSatisfy {
            !$0.isASCIIWhitespace && $0 != UInt8(ascii: "{") && $0 != UInt8(ascii: "<")
        }
        guard !name.isEmpty, isName else { return .refused(content: raw, again: []) }
        raw = []
        word = []
        if end == nameEnd {
            begin(&out)
            state = .seekArguments
        } else {
            state = .lateID
        }
        return .more
    }

    /// `functions.f:0`: the whole is the id.
    private mutating func readIndexedName() {
        id = name
        if name.starts(with: "functions.".utf8) { name.removeFirst("functions.".utf8.count) }
        let digits = name.reversed().prefix { $0.isASCIIDigit }.count
        if digits > 0, name.dropLast(digits).last == UInt8(ascii: ":") { name.removeLast(digits + 1) }
    }

    private mutating func begin(_ out: inout AnswerPieces) {
        guard !name.isEmpty else { return }
        out.begin(name: name, id: id)
        (name, id, hasCalls) = ([], nil, true)
    }

    private mutating func follow(_ byte: UInt8, _ out: inout AnswerPieces) -> CallVerdict {
        switch follower.take(byte) {
        case .inside:
            out.arguments([byte])
            return .more
        case .last:
            out.arguments([byte])
            out.end()
            return callEnds()
        case .after, .broken: return endEarly(byte, hasArguments: true, &out)
        }
    }

    private mutating func callEnds() -> CallVerdict {
        if calls.callClose.isEmpty {
            guard !calls.close.isEmpty else { return .ended }
            (state, raw, seeker) = (.seekCall, [], Self.callSeeker(calls))
            return .more
        }
        (state, seeker) = (.seekEnd, MarkerSeeker([calls.callClose]))
        return .more
    }

    private mutating func seekEnd(_ byte: UInt8) -> CallVerdict {
        switch seeker.take(byte) {
        case .more: return .more
        case .broken(let bytes): return .refused(content: [], again: bytes)
        case .found:
            if calls.callOpen.isEmpty || calls.close.isEmpty { return .ended }
            (state, raw, seeker) = (.seekCall, [], Self.callSeeker(calls))
            return .more
        }
    }

    private mutating func endEarly(_ byte: UInt8, hasArguments: Bool, _ out: inout AnswerPieces)
        -> CallVerdict
    {
        begin(&out)
        if !hasArguments { out.arguments("{}".utf8) }
        out.end()
        return .refused(content: [], again: [byte])
    }
}

extension [UInt8] {
    func hasSuffix(_ end: [UInt8]) -> Bool {
        !end.isEmpty && count >= end.count && suffix(end.count).elementsEqual(end)
    }
}
