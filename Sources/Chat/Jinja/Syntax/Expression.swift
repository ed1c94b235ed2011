/// A variable's number in its template: variables are found by number while a template runs.
typealias Symbol = Int

/// What an expression of a template says.
indirect enum Expression: Sendable {
    case constant(Constant)
    case name(Symbol, String)
    case list([Expression])
    case tuple([Expression])
    case dictionary([(key: Expression, value: Expression)])
    /// `operand.name`
    case attribute(Expression, AttributeName)
    /// `operand[index]`
    case item(Expression, Expression)
    /// `operand[start:stop:step]`
    case slice(Expression, start: Expression?, stop: Expression?, step: Expression?)
    case call(Expression, CallArguments)
    case filter(Expression, FilterCall)
    case test(Expression, TestCall)
    case negative(Expression)
    case positive(Expression)
    case not(Expression)
    /// Operands of one precedence, worked off from left to right.
    case arithmetic(Expression, [(operation: ArithmeticOperator, operand: Expression)])
    case power(Expression, [Expression])
    /// `a ~ b ~ c`
    case concatenation([Expression])
    /// `a < b <= c`, as in Python each operand once.
    case comparison(Expression, [(operation: ComparisonOperator, operand: Expression)])
    case and([Expression])
    case or([Expression])
    /// `value if condition else alternative`
    case conditional(Expression, condition: Expression, alternative: Expression?)
}

enum Constant: Sendable {
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(MarkedString)
}

enum ArithmeticOperator: String, Sendable {
    case add = "+"
    case subtract = "-"
    case multiply = "*"
    case divide = "/"
    case floorDivide = "//"
    case modulo = "%"
}

enum ComparisonOperator: String, Sendable {
    case equal = "=="
    case notEqual = "!="
    case less = "<"
    case lessOrEqual = "<="
    case greater = ">"
    case greaterOrEqual = ">="
    case isIn = "in"
    case isNotIn = "not in"
}

/// A name after a dot, looked up in advance.
struct AttributeName: Sendable {
    let text: String
    let key: MarkedString
    let method: Method?

    init(_ text: String) {
        self.text = text
        key = MarkedString(text)
        method = Method(rawValue: text)
    }
}

struct CallArguments: Sendable {
    var positional: [Expression] = []
    var named: [(name: String, value: Expression)] = []
    /// `*operand`
    var spread: Expression?
    /// `**operand`
    var namedSpread: Expression?
}

/// `| name(arguments)`; an unknown name is an error only once it is used, as in Jinja.
struct FilterCall: Sendable {
    let name: String
    let filter: Filter?
    let arguments: CallArguments
    let line: Int
}

/// `is name(arguments)`
struct TestCall: Sendable {
    let name: String
    let test: ValueTest?
    let isNegated: Bool
    let arguments: CallArguments
}
