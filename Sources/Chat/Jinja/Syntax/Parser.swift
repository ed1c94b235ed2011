/// Reads tokens into statements, by recursive descent along Jinja's own grammar.
struct Parser {
    private let tokens: [Token]
    private var position = 0
    var symbols = SymbolTable()
    /// How deep the parser is nested in itself.
    private var depth = 0
    private let stack = StackMeter()
    /// The names that the bodies of the macros being read mention, innermost last.
    var mentioned: [Set<String>] = []

    /// A template's statements and the numbers of its variables.
    static func parse(_ source: String) throws(TemplateError) -> (body: [Statement], symbols: SymbolTable) {
        var parser = Parser(tokens: try Lexer.tokens(of: source))
        let body = try parser.parseBody(until: [])
        return (body, parser.symbols)
    }

    private init(tokens: [Token]) { self.tokens = tokens }

    // MARK: - Tokens

    var current: Token { tokens[min(position, tokens.count - 1)] }
    var line: Int { current.line }

    func peek(_ distance: Int) -> Token { tokens[min(position + distance, tokens.count - 1)] }

    mutating func advance() { position += 1 }

    func at(_ symbol: String) -> Bool { current.kind == .symbol(symbol) }
    func atName(_ name: String) -> Bool { current.kind == .name(name) }

    mutating func take(_ symbol: String) -> Bool {
        guard at(symbol) else { return false }
        advance()
        return true
    }

    mutating func takeName(_ name: String) -> Bool {
        guard atName(name) else { return false }
        advance()
        return true
    }

    mutating func expect(_ symbol: String) throws(TemplateError) {
        guard take(symbol) else { throw unexpected("\"\(symbol)\"") }
    }

    mutating func expectKind(_ kind: Token.Kind, _ text: String) throws(TemplateError) {
        guard current.kind == kind else { throw unexpected(text) }
        advance()
    }

    mutating func expectIdentifier(_ what: String) throws(TemplateError) -> String {
        guard case .name(let name) = current.kind else { throw unexpected(what) }
        advance()
        return name
    }

    mutating func symbol(_ name: String) -> Symbol {
        for index in mentioned.indices { mentioned[index].insert(name) }
        return symbols.number(of: name)
    }

    func unexpected(_ expected: String) -> TemplateError {
        error("expected \(expected), found \(current.text)")
    }

    func error(_ message: String, line: Int? = nil) -> TemplateError {
        TemplateError(kind: .syntax, message: message, line: line ?? self.line)
    }

    /// Runs `body` one level deeper.
    mutating func nested<Result>(
        _ body: (inout Parser) throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        guard depth < TemplateLimits.sourceDepthMax, !stack.isExhausted else {
            let message = "the template nests deeper than \(TemplateLimits.sourceDepthMax)"
            throw TemplateError(kind: .limit, message: message, line: line)
        }
        depth += 1
        defer { depth -= 1 }
        return try body(&self)
    }
}

/// The variables of a template, numbered as they are met.
struct SymbolTable: Sendable {
    private(set) var numbers: [String: Symbol] = [:]

    mutating func number(of name: String) -> Symbol {
        if let number = numbers[name] { return number }
        let number = numbers.count
        numbers[name] = number
        return number
    }
}
