/// What a variable or an expression of a template holds, with Python's types and meaning.
enum Value {
    /// A name or attribute that does not exist; prints as nothing.
    case undefined(String)
    case none
    case bool(Bool)
    case int(Int)
    case float(Double)
    case string(MarkedString)
    case list(ListValue)
    case tuple([Value])
    case dictionary(DictionaryValue)
    case namespace(NamespaceValue)
    case loop(LoopValue)
    case macro(MacroValue)
    case function(GlobalFunction)
    /// `receiver.method`, not yet called.
    case method(BoundMethod)

    static func text(_ text: String) -> Value { .string(MarkedString(text)) }

    /// Python's `bool(value)`.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .float(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let list): !list.elements.isEmpty
        case .tuple(let elements): !elements.isEmpty
        case .dictionary(let dictionary): dictionary.count > 0
        case .namespace, .loop, .macro, .function, .method: true
        }
    }

    var isUndefined: Bool { if case .undefined = self { true } else { false } }
    var isNone: Bool { if case .none = self { true } else { false } }
    var string: MarkedString? { if case .string(let text) = self { text } else { nil } }
    var dictionary: DictionaryValue? {
        if case .dictionary(let dictionary) = self { dictionary } else { nil }
    }

    /// The integer; True is 1 and False is 0, as in Python.
    var int: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }

    /// The number as a float.
    var double: Double? {
        if case .float(let value) = self { return value }
        return int.map(Double.init)
    }

    /// The elements of a list or tuple.
    var elements: [Value]? {
        switch self {
        case .list(let list): list.elements
        case .tuple(let elements): elements
        default: nil
        }
    }

    /// Python's name of the type, for error messages.
    var typeName: String {
        switch self {
        case .undefined: "Undefined"
        case .none: "NoneType"
        case .bool: "bool"
        case .int: "int"
        case .float: "float"
        case .string: "str"
        case .list: "list"
        case .tuple: "tuple"
        case .dictionary: "dict"
        case .namespace: "Namespace"
        case .loop: "LoopContext"
        case .macro: "Macro"
        case .function: "function"
        case .method: "method"
        }
    }
}
