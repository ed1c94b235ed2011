/// A list: one object, however many names it has.
final class ListValue {
    var elements: [Value]
    init(_ elements: [Value]) { self.elements = elements }
}

/// What `namespace()` makes: the one object whose attributes a template can set.
final class NamespaceValue {
    let attributes = DictionaryValue()
}
