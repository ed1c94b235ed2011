/// Runs a template once. What it may spend is in `limits`; each spending is counted here.
final class Interpreter {
    let limits: TemplateLimits
    /// The seconds since 1970 that `strftime_now` tells.
    let now: Int
    let globals: Scope
    var scope: Scope
    /// The number of the variable `loop`.
    let loopSymbol: Symbol
    /// What the innermost running block has written.
    var output = MarkedString()
    /// The template's line that is being worked on.
    var line = 1

    private let stack = StackMeter()
    private var steps = 0
    private var depth = 0
    private var callDepth = 0
    /// Objects that may refer to each other in a circle; emptied at the end so that their memory comes back.
    private var scopes: [Scope] = []
    private var containers: [Value] = []

    /// `loopSymbol` is nil when the template never mentions `loop`.
    init(limits: TemplateLimits, now: Int, loopSymbol: Symbol?) {
        self.limits = limits
        self.now = now
        self.loopSymbol = loopSymbol ?? -1
        globals = Scope(parent: nil)
        scope = Scope(parent: globals)
    }

    func run(_ body: [Statement]) throws(TemplateError) -> MarkedString {
        defer { breakCycles() }
        _ = try execute(body)
        return output
    }

    // MARK: - Errors and limits

    func failure(_ message: String) -> TemplateError {
        TemplateError(kind: .evaluation, message: message, line: line)
    }

    func limitReached(_ message: String) -> TemplateError {
        TemplateError(kind: .limit, message: message, line: line)
    }

    /// Counts one step and what it copies, in bytes or elements.
    func spend(copying count: Int = 0) throws(TemplateError) {
        steps += 1 + count >> 6
        guard steps <= limits.stepsMax else {
            throw limitReached("the template takes more than \(limits.stepsMax) steps")
        }
    }

    /// A string that an operation made, once its size is accepted.
    func checked(_ text: MarkedString) throws(TemplateError) -> Value {
        try checkString(text.count)
        return .string(text)
    }

    func checkString(_ count: Int) throws(TemplateError) {
        guard count <= limits.stringBytesMax else {
            throw limitReached("a string is longer than \(limits.stringBytesMax) bytes")
        }
        try spend(copying: count)
    }

    func checkElements(_ count: Int) throws(TemplateError) {
        guard count <= limits.elementsMax else {
            throw limitReached("a list is longer than \(limits.elementsMax) elements")
        }
        try spend(copying: count)
    }

    /// Runs `body` one level deeper.
    func nested<Result>(_ body: () throws(TemplateError) -> Result) throws(TemplateError) -> Result {
        guard depth < limits.depthMax, !stack.isExhausted else {
            throw limitReached("the template's evaluation nests deeper than \(limits.depthMax)")
        }
        depth += 1
        defer { depth -= 1 }
        return try body()
    }

    /// Refuses to go deeper into a value that is nested `depth` levels already.
    func checkDepth(_ depth: Int) throws(TemplateError) {
        guard depth < limits.valueDepthMax, !stack.isExhausted else {
            throw limitReached("a value nests deeper than \(limits.valueDepthMax)")
        }
    }

    /// Runs a macro's body one call deeper.
    func called<Result>(_ body: () throws(TemplateError) -> Result) throws(TemplateError) -> Result {
        guard callDepth < limits.callDepthMax else {
            throw limitReached("macro calls nest deeper than \(limits.callDepthMax)")
        }
        callDepth += 1
        defer { callDepth -= 1 }
        return try body()
    }

    // MARK: - Scopes and output

    /// Runs `body` with variables of its own.
    func scoped<Result>(
        in parent: Scope? = nil, _ body: () throws(TemplateError) -> Result
    ) throws(TemplateError) -> Result {
        let outer = scope
        scope = Scope(parent: parent ?? outer)
        defer { scope = outer }
        return try body()
    }

    /// What `body` writes, instead of adding it to the output.
    func captured(_ body: () throws(TemplateError) -> Void) throws(TemplateError) -> MarkedString {
        let outer = output
        output = MarkedString()
        defer { output = outer }
        try body()
        return output
    }

    func write(_ text: MarkedString) throws(TemplateError) {
        guard output.count <= limits.stringBytesMax - text.count else {
            throw limitReached("the output is longer than \(limits.stringBytesMax) bytes")
        }
        try spend(copying: text.count)
        output.append(text)
    }

    // MARK: - Memory

    func remember(_ scope: Scope) { scopes.append(scope) }
    func remember(_ container: Value) { containers.append(container) }

    private func breakCycles() {
        for scope in scopes { scope.removeAll() }
        for container in containers {
            switch container {
            case .list(let list): list.elements = []
            case .dictionary(let dictionary): dictionary.removeAll()
            case .namespace(let namespace): namespace.attributes.removeAll()
            default: break
            }
        }
    }
}
