extension Interpreter {
    /// How a statement ended.
    enum Flow { case normal, breakLoop, continueLoop }

    func execute(_ body: [Statement]) throws(TemplateError) -> Flow {
        for statement in body {
            let flow = try nested { () throws(TemplateError) in try execute(statement) }
            if flow != .normal { return flow }
        }
        return .normal
    }

    private func execute(_ statement: Statement) throws(TemplateError) -> Flow {
        try spend()
        line = statement.line
        switch statement.kind {
        case .text(let text): try write(text)
        case .output(let expression): try write(try print(try evaluate(expression)))
        case .conditional(let branches, let otherwise): return try execute(branches, otherwise: otherwise)
        case .loop(let loop): try execute(loop)
        case .assignment(let target, let expression): try assign(try evaluate(expression), to: target)
        case .blockAssignment(let target, let filters, let body): try assignBlock(target, filters, body)
        case .macro(let definition): scope.set(definition.symbol, makeMacro(definition))
        case .call(let callee, let caller): try executeCall(callee, caller: caller)
        case .filtered(let filters, let body): try write(try print(try filtered(body, filters)))
        case .with(let assignments, let body): return try execute(body, with: assignments)
        case .scope(let body):
            return try scoped { () throws(TemplateError) in try execute(body) }
        case .breakLoop: return .breakLoop
        case .continueLoop: return .continueLoop
        }
        return .normal
    }

    private func execute(
        _ branches: [(condition: Expression, body: [Statement])], otherwise: [Statement]
    ) throws(TemplateError) -> Flow {
        for branch in branches where try evaluate(branch.condition).isTrue { return try execute(branch.body) }
        return try execute(otherwise)
    }

    private func execute(
        _ body: [Statement], with assignments: [(target: Target, value: Expression)]
    ) throws(TemplateError) -> Flow {
        try scoped { () throws(TemplateError) in
            for (target, value) in assignments { try assign(try evaluate(value), to: target) }
            return try execute(body)
        }
    }

    // MARK: - Loops

    private func execute(_ loop: Loop) throws(TemplateError) {
        var elements = try self.elements(of: try evaluate(loop.source))
        if let condition = loop.condition {
            var accepted: [Value] = []
            for element in elements {
                let isAccepted = try scoped { () throws(TemplateError) in
                    try assign(element, to: loop.target)
                    return try evaluate(condition).isTrue
                }
                if isAccepted { accepted.append(element) }
            }
            elements = accepted
        }
        let state = LoopValue(elements)
        // As in Jinja, the alternative also runs when no round came to its end.
        var hasRun = false
        for index in elements.indices {
            state.index = index
            let flow = try scoped { () throws(TemplateError) in
                scope.set(loopSymbol, .loop(state))
                try assign(elements[index], to: loop.target)
                return try execute(loop.body)
            }
            if flow == .breakLoop { break }
            if flow == .normal { hasRun = true }
        }
        if !hasRun, !loop.otherwise.isEmpty {
            _ = try scoped { () throws(TemplateError) in try execute(loop.otherwise) }
        }
    }

    // MARK: - Assignments

    func assign(_ value: Value, to target: Target) throws(TemplateError) {
        switch target {
        case .name(let symbol): scope.set(symbol, value)
        case .attribute(let symbol, let name, let attribute):
            guard case .namespace(let namespace)? = scope.lookup(symbol) else {
                throw failure(
                    "cannot assign \(name).\(attribute.text): only a namespace's attributes can be set")
            }
            namespace.attributes.set(attribute, value)
        case .tuple(let targets):
            let elements = try self.elements(of: value)
            guard elements.count == targets.count else {
                throw failure("cannot unpack \(elements.count) values into \(targets.count) names")
            }
            for (target, element) in zip(targets, elements) { try assign(element, to: target) }
        }
    }

    private func assignBlock(
        _ target: Target, _ filters: [FilterCall], _ body: [Statement]
    ) throws(TemplateError) {
        try assign(try filtered(body, filters), to: target)
    }

    /// What `body` writes, sent through `filters`.
    private func filtered(_ body: [Statement], _ filters: [FilterCall]) throws(TemplateError) -> Value {
        let text = try captured { () throws(TemplateError) in
            _ = try scoped { () throws(TemplateError) in try execute(body) }
        }
        var value = Value.string(text)
        for filter in filters { value = try apply(filter, to: value) }
        return value
    }

    // MARK: - Macros

    func makeMacro(_ definition: MacroDefinition) -> Value {
        remember(scope)
        return .macro(MacroValue(definition, scope: scope))
    }

    private func executeCall(_ callee: Expression, caller: MacroDefinition) throws(TemplateError) {
        guard case .call(let function, let call) = callee else { return }
        var arguments = try evaluate(call)
        arguments.named.append(("caller", makeMacro(caller)))
        try write(try print(try self.call(try evaluate(function), arguments)))
    }
}
