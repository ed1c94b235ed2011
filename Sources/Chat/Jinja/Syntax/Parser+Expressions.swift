extension Parser {
    /// One expression, or several with commas between them, which make a tuple.
    mutating func parseTuple(allowsConditional: Bool = true) throws(TemplateError) -> Expression {
        let first = try parseExpression(allowsConditional: allowsConditional)
        guard at(",") else { return first }
        var elements = [first]
        while take(",") {
            if endsTuple { break }
            elements.append(try parseExpression(allowsConditional: allowsConditional))
        }
        return .tuple(elements)
    }

    private var endsTuple: Bool {
        current.kind == .outputEnd || current.kind == .blockEnd || at(")") || atName("in")
            || atName("recursive")
    }

    mutating func parseExpression(allowsConditional: Bool = true) throws(TemplateError) -> Expression {
        try nested { parser throws(TemplateError) in
            allowsConditional ? try parser.parseConditional() : try parser.parseOr()
        }
    }

    /// `a if b else c if d else e`
    private mutating func parseConditional() throws(TemplateError) -> Expression {
        let value = try parseOr()
        guard takeName("if") else { return value }
        let condition = try parseOr()
        guard takeName("else") else { return .conditional(value, condition: condition, alternative: nil) }
        return .conditional(value, condition: condition, alternative: try parseExpression())
    }

    // MARK: - Operators, weakest first

    private mutating func parseOr() throws(TemplateError) -> Expression {
        var operands = [try parseAnd()]
        while takeName("or") { operands.append(try parseAnd()) }
        return operands.count == 1 ? operands[0] : .or(operands)
    }

    private mutating func parseAnd() throws(TemplateError) -> Expression {
        var operands = [try parseNot()]
        while takeName("and") { operands.append(try parseNot()) }
        return operands.count == 1 ? operands[0] : .and(operands)
    }

    private mutating func parseNot() throws(TemplateError) -> Expression {
        guard takeName("not") else { return try parseComparison() }
        return .not(try nested { parser throws(TemplateError) in try parser.parseNot() })
    }

    private mutating func parseComparison() throws(TemplateError) -> Expression {
        let first = try parseSum()
        var rest: [(operation: ComparisonOperator, operand: Expression)] = []
        while let operation = takeComparison() { rest.append((operation, try parseSum())) }
        return rest.isEmpty ? first : .comparison(first, rest)
    }

    private mutating func takeComparison() -> ComparisonOperator? {
        switch current.kind {
        case .symbol(let symbol):
            guard let operation = ComparisonOperator(rawValue: symbol) else { return nil }
            advance()
            return operation
        case .name("in"):
            advance()
            return .isIn
        case .name("not") where peek(1).kind == .name("in"):
            advance()
            advance()
            return .isNotIn
        default:
            return nil
        }
    }

    private mutating func parseSum() throws(TemplateError) -> Expression {
        let first = try parseConcatenation()
        var rest: [(operation: ArithmeticOperator, operand: Expression)] = []
        while at("+") || at("-") {
            let operation: ArithmeticOperator = at("+") ? .add : .subtract
            advance()
            rest.append((operation, try parseConcatenation()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parseConcatenation() throws(TemplateError) -> Expression {
        var operands = [try parseProduct()]
        while take("~") { operands.append(try parseProduct()) }
        return operands.count == 1 ? operands[0] : .concatenation(operands)
    }

    private mutating func parseProduct() throws(TemplateError) -> Expression {
        let first = try parsePower()
        var rest: [(operation: ArithmeticOperator, operand: Expression)] = []
        while case .symbol(let symbol) = current.kind, ["*", "/", "//", "%"].contains(symbol),
            let operation = ArithmeticOperator(rawValue: symbol)
        {
            advance()
            rest.append((operation, try parsePower()))
        }
        return rest.isEmpty ? first : .arithmetic(first, rest)
    }

    private mutating func parsePower() throws(TemplateError) -> Expression {
        let base = try parseUnary()
        var exponents: [Expression] = []
        while take("**") { exponents.append(try parseUnary()) }
        return exponents.isEmpty ? base : .power(base, exponents)
    }

    private mutating func parseUnary(takesFilters: Bool = true) throws(TemplateError) -> Expression {
        var expression: Expression
        if take("-") {
            expression = .negative(
                try nested { parser throws(TemplateError) in try parser.parseUnary(takesFilters: false) })
        } else if take("+") {
            expression = .positive(
                try nested { parser throws(TemplateError) in try parser.parseUnary(takesFilters: false) })
        } else {
            expression = try parsePrimary()
        }
        expression = try parsePostfix(expression)
        return takesFilters ? try parseFiltersAndTests(expression) : expression
    }

    // MARK: - What follows an operand

    private mutating func parsePostfix(_ operand: Expression) throws(TemplateError) -> Expression {
        var expression = operand
        for _ in 0..<TemplateLimits.sourceChainMax {
            if take(".") {
                expression = try parseDot(expression)
            } else if take("[") {
                expression = try parseBrackets(expression)
            } else if at("(") {
                expression = .call(expression, try parseArguments())
            } else {
                return expression
            }
        }
        throw chainError()
    }

    private mutating func parseDot(_ operand: Expression) throws(TemplateError) -> Expression {
        if case .int(let index) = current.kind {
            advance()
            return .item(operand, .constant(.int(index)))
        }
        return .attribute(operand, AttributeName(try expectIdentifier("an attribute name")))
    }

    private mutating func parseBrackets(_ operand: Expression) throws(TemplateError) -> Expression {
        var parts: [Expression?] = [nil]
        while !take("]") {
            if take(":") {
                guard parts.count < 3 else { throw error("a slice has at most three parts") }
                parts.append(nil)
            } else {
                guard parts[parts.count - 1] == nil else { throw unexpected("\":\" or \"]\"") }
                parts[parts.count - 1] = try parseTuple()
            }
        }
        if parts.count > 1 {
            return .slice(operand, start: parts[0], stop: parts[1], step: parts.count > 2 ? parts[2] : nil)
        }
        guard let index = parts[0] else { throw error("expected an index between \"[\" and \"]\"") }
        return .item(operand, index)
    }

    private mutating func parseFiltersAndTests(_ operand: Expression) throws(TemplateError) -> Expression {
        var expression = operand
        for _ in 0..<TemplateLimits.sourceChainMax {
            if take("|") {
                expression = .filter(expression, try parseFilterCall())
            } else if takeName("is") {
                expression = try parseTest(expression)
            } else if at("(") {
                expression = .call(expression, try parseArguments())
            } else {
                return expression
            }
        }
        throw chainError()
    }

    private func chainError() -> TemplateError {
        let message =
            "an expression chains more than \(TemplateLimits.sourceChainMax) attributes, calls or filters"
        return TemplateError(kind: .limit, message: message, line: line)
    }

    mutating func parseFilterChain() throws(TemplateError) -> [FilterCall] {
        var filters: [FilterCall] = []
        while take("|") { filters.append(try parseFilterCall()) }
        return filters
    }

    mutating func parseFilterCall() throws(TemplateError) -> FilterCall {
        let line = line
        let name = try expectIdentifier("a filter's name")
        let arguments = at("(") ? try parseArguments() : CallArguments()
        return FilterCall(name: name, filter: Filter(rawValue: name), arguments: arguments, line: line)
    }

    private mutating func parseTest(_ operand: Expression) throws(TemplateError) -> Expression {
        let isNegated = takeName("not")
        let name = try expectIdentifier("a test's name")
        var arguments = CallArguments()
        if at("(") {
            arguments = try parseArguments()
        } else if startsTestArgument {
            let argument = try nested { parser throws(TemplateError) in
                try parser.parsePostfix(try parser.parsePrimary())
            }
            arguments.positional = [argument]
        }
        let test = ValueTest(rawValue: name)
        return .test(operand, TestCall(name: name, test: test, isNegated: isNegated, arguments: arguments))
    }

    /// Whether a test's argument without parentheses follows: `is divisibleby 3`.
    private var startsTestArgument: Bool {
        switch current.kind {
        case .name(let name): !["else", "or", "and", "if", "is", "in", "not"].contains(name)
        case .string, .int, .float: true
        case .symbol(let symbol): symbol == "[" || symbol == "{"
        default: false
        }
    }

    private mutating func parseArguments() throws(TemplateError) -> CallArguments {
        var arguments = CallArguments()
        try expect("(")
        var isFirst = true
        while !take(")") {
            if !isFirst {
                try expect(",")
                if take(")") { break }
            }
            isFirst = false
            if take("*") {
                arguments.spread = try parseExpression()
            } else if take("**") {
                arguments.namedSpread = try parseExpression()
            } else if case .name(let name) = current.kind, peek(1).kind == .symbol("=") {
                advance()
                advance()
                arguments.named.append((name, try parseExpression()))
            } else {
                guard arguments.named.isEmpty, arguments.namedSpread == nil else {
                    throw error("a positional argument follows a named one")
                }
                arguments.positional.append(try parseExpression())
            }
        }
        return arguments
    }

    // MARK: - Operands

    private mutating func parsePrimary() throws(TemplateError) -> Expression {
        switch current.kind {
        case .name(let name):
            advance()
            switch name {
            case "true", "True": return .constant(.bool(true))
            case "false", "False": return .constant(.bool(false))
            case "none", "None": return .constant(.none)
            default: return .name(symbol(name), name)
            }
        case .string(let bytes):
            advance()
            var text = MarkedString(bytes, isTemplate: true)
            while case .string(let more) = current.kind {
                advance()
                text.append(more, isTemplate: true)
            }
            return .constant(.string(text))
        case .int(let value):
            advance()
            return .constant(.int(value))
        case .float(let value):
            advance()
            return .constant(.float(value))
        case .symbol("("): return try parseParentheses()
        case .symbol("["): return .list(try parseElements())
        case .symbol("{"): return try parseDictionary()
        default: throw unexpected("an expression")
        }
    }

    private mutating func parseParentheses() throws(TemplateError) -> Expression {
        advance()
        if take(")") { return .tuple([]) }
        let expression = try parseTuple()
        try expect(")")
        return expression
    }

    private mutating func parseElements() throws(TemplateError) -> [Expression] {
        advance()
        var elements: [Expression] = []
        while !take("]") {
            if !elements.isEmpty {
                try expect(",")
                if take("]") { break }
            }
            elements.append(try parseExpression())
        }
        return elements
    }

    private mutating func parseDictionary() throws(TemplateError) -> Expression {
        advance()
        var members: [(key: Expression, value: Expression)] = []
        while !take("}") {
            if !members.isEmpty {
                try expect(",")
                if take("}") { break }
            }
            let key = try parseExpression()
            try expect(":")
            members.append((key, try parseExpression()))
        }
        return .dictionary(members)
    }
}
