extension Parser {
    /// Statements up to a block whose name is in `ends`, which is left for the caller with its `{%` consumed.
    mutating func parseBody(until ends: Set<String>) throws(TemplateError) -> [Statement] {
        var body: [Statement] = []
        while true {
            let line = line
            switch current.kind {
            case .data(let bytes):
                advance()
                body.append(Statement(kind: .text(MarkedString(bytes, isTemplate: true)), line: line))
            case .outputBegin:
                advance()
                let expression = try parseTuple()
                try expectKind(.outputEnd, "\"}}\"")
                body.append(Statement(kind: .output(expression), line: line))
            case .blockBegin:
                advance()
                if case .name(let name) = current.kind, ends.contains(name) { return body }
                let kind = try nested { parser throws(TemplateError) in try parser.parseBlock() }
                body.append(Statement(kind: kind, line: line))
            case .end:
                guard ends.isEmpty else {
                    throw unexpected("\"{% \(ends.sorted().joined(separator: "\" or \"{% "))\"")
                }
                return body
            default:
                throw unexpected("text or a tag")
            }
        }
    }

    private mutating func parseBlock() throws(TemplateError) -> Statement.Kind {
        let name = try expectIdentifier("the name of a statement")
        switch name {
        case "if": return try parseConditional()
        case "for": return try parseLoop()
        case "set": return try parseSet()
        case "macro": return .macro(try parseMacro())
        case "call": return try parseCallBlock()
        case "filter": return try parseFilterBlock()
        case "with": return try parseWith()
        case "generation":
            try endTag()
            return .scope(try parseBlockBody("endgeneration"))
        case "break":
            try endTag()
            return .breakLoop
        case "continue":
            try endTag()
            return .continueLoop
        default:
            throw error(
                "the statement \"\(name)\" is not known; chat templates have if, for, set, macro, call, "
                    + "filter, with, break, continue, raw and generation")
        }
    }

    mutating func endTag() throws(TemplateError) { try expectKind(.blockEnd, "\"%}\"") }

    /// A body and its closing tag.
    private mutating func parseBlockBody(_ end: String) throws(TemplateError) -> [Statement] {
        let body = try parseBody(until: [end])
        advance()
        try endTag()
        return body
    }

    // MARK: - if, for

    private mutating func parseConditional() throws(TemplateError) -> Statement.Kind {
        var branches: [(condition: Expression, body: [Statement])] = []
        var otherwise: [Statement] = []
        var word = "if"
        while word != "endif" {
            if word == "else" {
                try endTag()
                otherwise = try parseBody(until: ["endif"])
            } else {
                let condition = try parseTuple(allowsConditional: false)
                try endTag()
                branches.append((condition, try parseBody(until: ["elif", "else", "endif"])))
            }
            word = try expectIdentifier("\"endif\"")
        }
        try endTag()
        return .conditional(branches, otherwise: otherwise)
    }

    private mutating func parseLoop() throws(TemplateError) -> Statement.Kind {
        let target = try parseTarget()
        guard takeName("in") else { throw unexpected("\"in\"") }
        let source = try parseTuple(allowsConditional: false)
        let condition = takeName("if") ? try parseExpression() : nil
        if atName("recursive") {
            throw error("recursive loops are not supported; use a macro that calls itself")
        }
        try endTag()
        let body = try parseBody(until: ["else", "endfor"])
        var otherwise: [Statement] = []
        if takeName("else") {
            try endTag()
            otherwise = try parseBody(until: ["endfor"])
        }
        advance()
        try endTag()
        return .loop(
            Loop(target: target, source: source, condition: condition, body: body, otherwise: otherwise))
    }

    // MARK: - set, with, filter

    private mutating func parseSet() throws(TemplateError) -> Statement.Kind {
        let target = try parseTarget()
        if take("=") {
            let value = try parseTuple()
            try endTag()
            return .assignment(target, value)
        }
        let filters = try parseFilterChain()
        try endTag()
        return .blockAssignment(target, filters: filters, body: try parseBlockBody("endset"))
    }

    private mutating func parseWith() throws(TemplateError) -> Statement.Kind {
        var assignments: [(target: Target, value: Expression)] = []
        while current.kind != .blockEnd {
            if !assignments.isEmpty { try expect(",") }
            let target = try parseSingleTarget()
            try expect("=")
            assignments.append((target, try parseExpression()))
        }
        try endTag()
        return .with(assignments, body: try parseBlockBody("endwith"))
    }

    private mutating func parseFilterBlock() throws(TemplateError) -> Statement.Kind {
        var filters = [try parseFilterCall()]
        filters += try parseFilterChain()
        try endTag()
        return .filtered(filters, body: try parseBlockBody("endfilter"))
    }

    /// `a`, `a, b`, `(a, b), c` or `namespace.attribute`.
    private mutating func parseTarget() throws(TemplateError) -> Target {
        let first = try parseSingleTarget()
        guard at(",") else { return first }
        var targets = [first]
        while take(",") {
            if atName("in") || at("=") || current.kind == .blockEnd { break }
            targets.append(try parseSingleTarget())
        }
        return .tuple(targets)
    }

    private mutating func parseSingleTarget() throws(TemplateError) -> Target {
        if take("(") {
            let target = try nested { parser throws(TemplateError) in try parser.parseTarget() }
            try expect(")")
            return target
        }
        let name = try expectIdentifier("a variable name")
        guard !["true", "false", "none", "True", "False", "None"].contains(name) else {
            throw error("\"\(name)\" cannot be assigned")
        }
        let symbol = symbol(name)
        guard take(".") else { return .name(symbol) }
        let attribute = try expectIdentifier("an attribute name")
        return .attribute(symbol, namespace: name, attribute: MarkedString(attribute))
    }

    // MARK: - macro, call

    private mutating func parseMacro() throws(TemplateError) -> MacroDefinition {
        let name = try expectIdentifier("the macro's name")
        let symbol = symbol(name)
        return try parseMacroRest(name: name, symbol: symbol, end: "endmacro")
    }

    private mutating func parseCallBlock() throws(TemplateError) -> Statement.Kind {
        // The parameters come first in the source, the callee second, the body last.
        mentioned.append([])
        let parameters = at("(") ? try parseParameters() : []
        let callee = try parseExpression()
        guard case .call = callee else { throw error("expected a call in \"{% call %}\"") }
        try endTag()
        let body = try parseBlockBody("endcall")
        let caller = macro(name: "caller", symbol: symbol("caller"), parameters: parameters, body: body)
        return .call(callee, caller: caller)
    }

    private mutating func parseMacroRest(
        name: String, symbol: Symbol, end: String
    ) throws(TemplateError) -> MacroDefinition {
        mentioned.append([])
        let parameters = try parseParameters()
        try endTag()
        let body = try parseBlockBody(end)
        return macro(name: name, symbol: symbol, parameters: parameters, body: body)
    }

    private mutating func macro(
        name: String, symbol: Symbol, parameters: [(symbol: Symbol, name: String, fallback: Expression?)],
        body: [Statement]
    ) -> MacroDefinition {
        let names = mentioned.popLast() ?? []
        let own = Set(parameters.map(\.name))
        let special = { (word: String, parser: inout Parser) -> Symbol? in
            names.contains(word) && !own.contains(word) ? parser.symbols.number(of: word) : nil
        }
        return MacroDefinition(
            name: name, symbol: symbol, parameters: parameters, body: body,
            varargs: special("varargs", &self), kwargs: special("kwargs", &self),
            caller: special("caller", &self))
    }

    private mutating func parseParameters() throws(TemplateError) -> [(
        symbol: Symbol, name: String, fallback: Expression?
    )] {
        var parameters: [(symbol: Symbol, name: String, fallback: Expression?)] = []
        try expect("(")
        while !take(")") {
            if !parameters.isEmpty {
                try expect(",")
                if take(")") { break }
            }
            let name = try expectIdentifier("a parameter's name")
            let fallback = take("=") ? try parseExpression() : nil
            if fallback == nil, parameters.last?.fallback != nil {
                throw error("the parameter \"\(name)\" without a default follows one with a default")
            }
            parameters.append((symbol(name), name, fallback))
        }
        return parameters
    }
}
