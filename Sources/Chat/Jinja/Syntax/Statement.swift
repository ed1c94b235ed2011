/// A piece of a template's body, with the line on which it begins.
struct Statement: Sendable {
    indirect enum Kind: Sendable {
        case text(MarkedString)
        case output(Expression)
        case conditional([(condition: Expression, body: [Statement])], otherwise: [Statement])
        case loop(Loop)
        case assignment(Target, Expression)
        /// `{% set target | filters %}body{% endset %}`
        case blockAssignment(Target, filters: [FilterCall], body: [Statement])
        case macro(MacroDefinition)
        /// `{% call(parameters) callee() %}body{% endcall %}`; the body is the macro `caller`.
        case call(Expression, caller: MacroDefinition)
        /// `{% filter name %}body{% endfilter %}`
        case filtered([FilterCall], body: [Statement])
        /// `{% with a = 1 %}body{% endwith %}`
        case with([(target: Target, value: Expression)], body: [Statement])
        /// `{% generation %}`, which only marks what the assistant wrote.
        case scope([Statement])
        case breakLoop
        case continueLoop
    }

    let kind: Kind
    let line: Int
}

/// What an assignment or a loop puts its value into.
indirect enum Target: Sendable {
    case name(Symbol)
    /// `namespace.attribute`
    case attribute(Symbol, namespace: String, attribute: MarkedString)
    case tuple([Target])
}

struct Loop: Sendable {
    let target: Target
    let source: Expression
    let condition: Expression?
    let body: [Statement]
    let otherwise: [Statement]
}

struct MacroDefinition: Sendable {
    let name: String
    let symbol: Symbol
    let parameters: [(symbol: Symbol, name: String, fallback: Expression?)]
    let body: [Statement]
    /// The symbols of `varargs`, `kwargs` and `caller` when the body mentions them.
    let varargs: Symbol?
    let kwargs: Symbol?
    let caller: Symbol?
}
