/// How a model writes calls: one case for each kind of syntax, with the texts that tell one family from another.
public enum CallSyntax: Sendable, Equatable {
    /// JSON objects that name a function and its arguments.
    case objects(ObjectCalls)
    /// A name, then arguments as a JSON object.
    case named(NamedCalls)
    /// A name, then parameters one by one between tags.
    case tagged(TaggedCalls)
    /// `[f(a="x", b=1)]`.
    case pythonic(PythonicCalls)
    /// Gemma 4's `call:f{k:<|"|>v<|"|>}`.
    case gemma
    /// gpt-oss: messages with channels and recipients.
    case harmony

    /// What limits a function's name, and an id: OpenAI's names have at most 64 characters.
    static let nameBytesMax = 256
}

public struct ObjectCalls: Sendable, Equatable {
    /// What stands before the objects; empty when an answer that begins with `{` is a call (Llama 3).
    public var open: String
    /// What stands behind them; empty when nothing does.
    public var close: String
    /// The objects stand in a list.
    public var isList = false
    /// `{"f": {…}}`: a function's name is its arguments' name (Apertus).
    public var nameIsKey = false
    /// How an object begins when its function is forced, up to the name and up to the arguments.
    public var nameLead = #"{"name": "#
    public var argumentsLead = #", "arguments":"#
    /// What stands between `open` and the first object.
    public var gap = ""

    public init(_ open: String, _ close: String, isList: Bool = false) {
        self.open = open
        self.close = close
        self.isList = isList
    }
}

public struct NamedCalls: Sendable, Equatable {
    public var open: String
    /// Before each call; empty when the name follows `open`.
    public var callOpen = ""
    /// Behind an id that comes before the name; empty when none does.
    public var idEnd = ""
    public var nameEnd: String
    /// Between name and an id; empty when no id comes there.
    public var idOpen = ""
    /// Behind the arguments, apart from whitespace; empty when nothing is.
    public var callClose = ""
    /// Behind the last call; empty when a call is all there is behind `open`.
    public var close = ""
    /// The name that is none: text follows (Functionary's `all`).
    public var contentName = ""
    /// Names are `functions.f:0`, which is also the call's id (Kimi K2).
    public var hasIndexedNames = false

    public init(_ open: String, nameEnd: String) {
        self.open = open
        self.nameEnd = nameEnd
    }
}

public struct TaggedCalls: Sendable, Equatable {
    public var open: String
    public var close: String
    /// Before a function's name; empty when the name follows `open`.
    public var functionOpen: String
    /// Behind the name; empty when a line's end or the next tag ends it (GLM).
    public var nameEnd: String
    public var functionClose: String
    public var parameterOpen: String
    public var keyEnd: String
    /// Between key and value; empty when nothing is.
    public var valueOpen = ""
    public var parameterClose: String
    /// A key goes on with `" string="true` or `" string="false` (DeepSeek's DSML).
    public var statesKind = false
}

public struct PythonicCalls: Sendable, Equatable {
    /// Before the list; empty when an answer that begins with `[` is one (Llama 4).
    public var open: String
    public var close: String

    public init(_ open: String, _ close: String) {
        self.open = open
        self.close = close
    }
}
