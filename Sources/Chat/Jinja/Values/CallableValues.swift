/// A method with the value that it was taken from, not yet called.
final class BoundMethod {
    let receiver: Value
    let method: Method
    init(_ receiver: Value, _ method: Method) {
        self.receiver = receiver
        self.method = method
    }
}

/// A macro with the variables that are visible where it was defined.
final class MacroValue {
    let definition: MacroDefinition
    let scope: Scope
    init(_ definition: MacroDefinition, scope: Scope) {
        self.definition = definition
        self.scope = scope
    }
}
