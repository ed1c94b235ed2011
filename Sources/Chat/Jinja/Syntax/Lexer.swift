/// Cuts a template into tokens, with the whitespace rules that Hugging Face uses for chat templates:
/// `trim_blocks` (the newline after a block or comment goes), `lstrip_blocks` (the indentation before one
/// goes), and `keep_trailing_newline=False` (one newline at the very end goes).
struct Lexer {
    private let source: [UInt8]
    private var offset = 0
    private var line = 1
    private var tokens: [Token] = []
    /// Whether the next byte of data stands at the beginning of a line.
    private var atLineStart = true

    /// The tokens of `source`, with an `.end` last.
    static func tokens(of source: String) throws(TemplateError) -> [Token] {
        guard source.utf8.count <= TemplateLimits.sourceBytesMax else {
            let message = "the template is larger than \(TemplateLimits.sourceBytesMax) bytes"
            throw TemplateError(kind: .limit, message: message, line: 1)
        }
        var lexer = Lexer(source: normalizingNewlines(Array(source.utf8)))
        try lexer.run()
        return lexer.tokens
    }

    private init(source: [UInt8]) { self.source = source }

    private static func normalizingNewlines(_ source: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(source.count)
        var previous: UInt8 = 0
        for byte in source {
            if byte == 0x0D {
                result.append(0x0A)
            } else if byte != 0x0A || previous != 0x0D {
                result.append(byte)
            }
            previous = byte
        }
        if result.last == 0x0A { result.removeLast() }
        return result
    }

    // MARK: - Data and tags

    private mutating func run() throws(TemplateError) {
        while offset < source.count {
            guard let tag = nextTag(from: offset) else {
                emitData(offset..<source.count)
                offset = source.count
                break
            }
            try readTag(at: tag)
        }
        emit(.end)
    }

    /// The offset of the next `{{`, `{%` or `{#`.
    private func nextTag(from start: Int) -> Int? {
        var index = start
        while index + 1 < source.count {
            if source[index] == UInt8(ascii: "{"), "{%#".utf8.contains(source[index + 1]) { return index }
            index += 1
        }
        return nil
    }

    private mutating func readTag(at tag: Int) throws(TemplateError) {
        let kind = source[tag + 1]
        let sign = tag + 2 < source.count ? source[tag + 2] : 0
        emitData(dataRange(before: tag, kind: kind, sign: sign))
        line += newlines(in: offset..<tag) - lastDataNewlines
        offset = tag + 2
        if sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") { offset += 1 }
        switch kind {
        case UInt8(ascii: "#"):
            try skipComment()
        case UInt8(ascii: "%"):
            if let body = rawBlockBody() { return try readRaw(from: body) }
            emit(.blockBegin)
            try readExpression(closing: UInt8(ascii: "%"))
        default:
            emit(.outputBegin)
            try readExpression(closing: UInt8(ascii: "}"))
        }
    }

    /// What remains of the data in front of a tag once the tag's sign or `lstrip_blocks` has taken its share.
    private func dataRange(before tag: Int, kind: UInt8, sign: UInt8) -> Range<Int> {
        var end = tag
        if sign == UInt8(ascii: "-") {
            while end > offset, isSpace(source[end - 1]) { end -= 1 }
            return offset..<end
        }
        if sign == UInt8(ascii: "+") || kind == UInt8(ascii: "{") { return offset..<tag }
        while end > offset, isSpace(source[end - 1]), source[end - 1] != 0x0A { end -= 1 }
        let beginsLine = end > offset ? source[end - 1] == 0x0A : atLineStart
        return offset..<(beginsLine ? end : tag)
    }

    private var lastDataNewlines = 0

    private mutating func emitData(_ range: Range<Int>) {
        lastDataNewlines = 0
        guard !range.isEmpty else { return }
        emit(.data(Array(source[range])))
        lastDataNewlines = newlines(in: range)
        line += lastDataNewlines
    }

    private mutating func skipComment() throws(TemplateError) {
        var index = offset
        while index + 1 < source.count {
            if source[index] == UInt8(ascii: "#"), source[index + 1] == UInt8(ascii: "}") {
                let sign = index > offset ? source[index - 1] : 0
                line += newlines(in: offset..<index)
                offset = index + 2
                afterTag(sign: sign, trimsNewline: true)
                return
            }
            index += 1
        }
        throw syntaxError("a comment has no end; expected \"#}\"")
    }

    /// Consumes what a tag's end takes of the data behind it.
    private mutating func afterTag(sign: UInt8, trimsNewline: Bool) {
        let start = offset
        if sign == UInt8(ascii: "-") {
            while offset < source.count, isSpace(source[offset]) { offset += 1 }
        } else if trimsNewline, sign != UInt8(ascii: "+"), offset < source.count, source[offset] == 0x0A {
            offset += 1
        }
        line += newlines(in: start..<offset)
        atLineStart = offset > start && source[offset - 1] == 0x0A
    }

    // MARK: - Raw blocks

    /// Where the text of a `{% raw %}` block begins, when the tag at `offset` opens one.
    private func rawBlockBody() -> Int? {
        var index = skipSpaces(from: offset)
        guard source[index...].starts(with: "raw".utf8) else { return nil }
        index = skipSpaces(from: index + 3)
        if source[index...].starts(with: "-%}".utf8) { return skipSpaces(from: index + 3) }
        return source[index...].starts(with: "%}".utf8) ? index + 2 : nil
    }

    private mutating func readRaw(from body: Int) throws(TemplateError) {
        line += newlines(in: offset..<body)
        offset = body
        atLineStart = source[body - 1] == 0x0A
        var index = body
        while let tag = nextTag(from: index) {
            index = tag + 1
            guard source[tag + 1] == UInt8(ascii: "%") else { continue }
            let sign = tag + 2 < source.count ? source[tag + 2] : 0
            let signLength = sign == UInt8(ascii: "-") || sign == UInt8(ascii: "+") ? 1 : 0
            let word = skipSpaces(from: tag + 2 + signLength)
            guard source[word...].starts(with: "endraw".utf8) else { continue }
            var end = skipSpaces(from: word + 6)
            let endSign = end < source.count ? source[end] : 0
            if endSign == UInt8(ascii: "-") || endSign == UInt8(ascii: "+") { end += 1 }
            guard source[end...].starts(with: "%}".utf8) else { continue }
            let start = offset
            let range = dataRange(before: tag, kind: UInt8(ascii: "%"), sign: sign)
            emitData(range)
            line += newlines(in: start..<end) - lastDataNewlines
            offset = end + 2
            return afterTag(sign: endSign, trimsNewline: true)
        }
        throw syntaxError("a raw block has no end; expected \"{% endraw %}\"")
    }

    // MARK: - Expressions

    /// The tokens up to `%}` or `}}`; braces, brackets and parentheses that are open hide it.
    private mutating func readExpression(closing: UInt8) throws(TemplateError) {
        var open: [UInt8] = []
        while true {
            skipSpacesInTag()
            guard offset < source.count else {
                throw syntaxError(
                    "a tag has no end; expected \"\(closing == UInt8(ascii: "%") ? "%}" : "}}")\"")
            }
            if open.isEmpty, let length = closingLength(closing) {
                let sign = length == 3 ? source[offset] : 0
                offset += length
                emit(closing == UInt8(ascii: "%") ? .blockEnd : .outputEnd)
                return afterTag(sign: sign, trimsNewline: closing == UInt8(ascii: "%"))
            }
            let byte = source[offset]
            if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "'") {
                try readString(quote: byte)
            } else if isDigit(byte) {
                try readNumber()
            } else if isNameByte(byte) {
                readName()
            } else {
                try readSymbol(&open)
            }
        }
    }

    /// The length of the tag's end here, with its sign.
    private func closingLength(_ closing: UInt8) -> Int? {
        let sign = source[offset]
        if sign == closing { return stands(closing, at: offset) ? 2 : nil }
        guard sign == UInt8(ascii: "-") || (sign == UInt8(ascii: "+") && closing == UInt8(ascii: "%")) else {
            return nil
        }
        return stands(closing, at: offset + 1) ? 3 : nil
    }

    /// Whether the two bytes at `index` are `closing` and a brace.
    private func stands(_ closing: UInt8, at index: Int) -> Bool {
        index + 1 < source.count && source[index] == closing && source[index + 1] == UInt8(ascii: "}")
    }

    private mutating func readSymbol(_ open: inout [UInt8]) throws(TemplateError) {
        let byte = source[offset]
        let next = offset + 1 < source.count ? source[offset + 1] : 0
        switch byte {
        case UInt8(ascii: "("), UInt8(ascii: "["), UInt8(ascii: "{"): open.append(byte)
        case UInt8(ascii: ")"): try close(&open, UInt8(ascii: "("))
        case UInt8(ascii: "]"): try close(&open, UInt8(ascii: "["))
        case UInt8(ascii: "}"): try close(&open, UInt8(ascii: "{"))
        case UInt8(ascii: "/") where next == byte, UInt8(ascii: "*") where next == byte: return emitSymbol(2)
        case UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"), UInt8(ascii: ">"):
            if next == UInt8(ascii: "=") { return emitSymbol(2) }
            if byte == UInt8(ascii: "!") { throw syntaxError("unexpected character \"!\"") }
        default:
            guard "+-*/%~.:|,".utf8.contains(byte) else {
                throw syntaxError("unexpected character \"\(Character(Unicode.Scalar(byte)))\"")
            }
        }
        emitSymbol(1)
    }

    private func close(_ open: inout [UInt8], _ opening: UInt8) throws(TemplateError) {
        guard open.popLast() == opening else {
            throw syntaxError("unexpected \"\(Character(Unicode.Scalar(source[offset])))\"")
        }
    }

    private mutating func emitSymbol(_ length: Int) {
        emit(.symbol(String(decoding: source[offset..<offset + length], as: UTF8.self)))
        offset += length
    }

    private mutating func readName() {
        let start = offset
        while offset < source.count, isNameByte(source[offset]) || isDigit(source[offset]) { offset += 1 }
        emit(.name(String(decoding: source[start..<offset], as: UTF8.self)))
    }

    private mutating func readNumber() throws(TemplateError) {
        let start = offset
        var isFloat = false
        skipDigits()
        // "messages.0.x" is two subscripts, no float.
        if tokens.last?.kind != .symbol("."), offset + 1 < source.count, source[offset] == UInt8(ascii: "."),
            isDigit(source[offset + 1])
        {
            isFloat = true
            offset += 1
            skipDigits()
        }
        if offset < source.count, source[offset] | 0x20 == UInt8(ascii: "e") {
            var exponent = offset + 1
            if exponent < source.count, "+-".utf8.contains(source[exponent]) { exponent += 1 }
            if exponent < source.count, isDigit(source[exponent]) {
                isFloat = true
                offset = exponent
                skipDigits()
            }
        }
        let literal = String(
            decoding: source[start..<offset].filter { $0 != UInt8(ascii: "_") }, as: UTF8.self)
        if isFloat, let value = Double(literal) {
            emit(.float(value))
        } else if let value = Int(literal) {
            emit(.int(value))
        } else {
            throw syntaxError("the number \(literal) does not fit 64 bits")
        }
    }

    private mutating func skipDigits() {
        while offset < source.count, isDigit(source[offset]) || source[offset] == UInt8(ascii: "_") {
            offset += 1
        }
    }

    private mutating func readString(quote: UInt8) throws(TemplateError) {
        let startLine = line
        var index = offset + 1
        while index < source.count, source[index] != quote {
            index += source[index] == UInt8(ascii: "\\") ? 2 : 1
        }
        guard index < source.count else { throw syntaxError("a string has no closing quote") }
        let literal = source[(offset + 1)..<index]
        tokens.append(Token(kind: .string(StringLiteral.decode(literal)), line: startLine))
        line += newlines(in: offset..<index)
        offset = index + 1
    }

    // MARK: - Bytes

    private mutating func emit(_ kind: Token.Kind) { tokens.append(Token(kind: kind, line: line)) }

    private func syntaxError(_ message: String) -> TemplateError {
        TemplateError(kind: .syntax, message: message, line: line)
    }

    private mutating func skipSpacesInTag() {
        let end = skipSpaces(from: offset)
        line += newlines(in: offset..<end)
        offset = end
    }

    private func skipSpaces(from start: Int) -> Int {
        var index = start
        while index < source.count, isSpace(source[index]) { index += 1 }
        return index
    }

    private func newlines(in range: Range<Int>) -> Int { source[range].count { $0 == 0x0A } }
    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (byte >= 0x09 && byte <= 0x0D) }
    private func isDigit(_ byte: UInt8) -> Bool { byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9") }
    private func isNameByte(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "_") || byte >= 0x80 || (byte | 0x20 >= 0x61 && byte | 0x20 <= 0x7A)
    }
}
