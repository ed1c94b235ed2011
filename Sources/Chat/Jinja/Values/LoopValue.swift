/// The variable `loop` of a running loop.
final class LoopValue {
    let elements: [Value]
    var index = 0
    /// The arguments of the last `loop.changed()`.
    var lastChanged: [Value]?

    init(_ elements: [Value]) { self.elements = elements }
}
