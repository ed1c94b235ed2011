/// A template that has been read, ready to run any number of times on any thread.
struct Program: Sendable {
    private let body: [Statement]
    private let symbols: SymbolTable
    private let limits: TemplateLimits

    init(source: String, limits: TemplateLimits = TemplateLimits()) throws(TemplateError) {
        (body, symbols) = try Parser.parse(source)
        self.limits = limits
    }

    /// What the template writes. Later variables replace earlier ones of the same name and built-in
    /// functions. `now` counts seconds since 1970.
    func run(_ variables: [(name: String, value: Value)], now: Int) throws(TemplateError) -> MarkedString {
        let interpreter = Interpreter(limits: limits, now: now, loopSymbol: symbols.numbers["loop"])
        for function in GlobalFunction.allCases {
            define(function.rawValue, .function(function), interpreter)
        }
        for (name, value) in variables { define(name, value, interpreter) }
        return try interpreter.run(body)
    }

    /// Sets a variable that the whole template sees; one that it never mentions is left out.
    private func define(_ name: String, _ value: Value, _ interpreter: Interpreter) {
        if let symbol = symbols.numbers[name] { interpreter.globals.set(symbol, value) }
    }
}
