/// Variables of one block; the enclosing block's are visible through it.
final class Scope {
    let parent: Scope?
    private var symbols: [Symbol] = []
    private var values: [Value] = []

    init(parent: Scope?) { self.parent = parent }

    func lookup(_ symbol: Symbol) -> Value? {
        var scope: Scope? = self
        while let current = scope {
            if let index = current.symbols.lastIndex(of: symbol) { return current.values[index] }
            scope = current.parent
        }
        return nil
    }

    func set(_ symbol: Symbol, _ value: Value) {
        if let index = symbols.lastIndex(of: symbol) {
            values[index] = value
        } else {
            symbols.append(symbol)
            values.append(value)
        }
    }

    func removeAll() {
        symbols.removeAll(keepingCapacity: true)
        values.removeAll(keepingCapacity: true)
    }
}
