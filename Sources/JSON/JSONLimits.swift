/// What a JSON document from outside may ask of the reader. Each is checked before the memory is spent.
public struct JSONLimits: Sendable, Equatable {
    /// How deep arrays and objects may nest.
    public var depthMax: Int
    /// How many values (containers and scalars) a document may hold.
    public var valuesMax: Int
    /// How long one number literal may be, in bytes.
    public var numberBytesMax: Int

    public init(depthMax: Int = 128, valuesMax: Int = 4_000_000, numberBytesMax: Int = 1024) {
        self.depthMax = depthMax
        self.valuesMax = valuesMax
        self.numberBytesMax = numberBytesMax
    }
}
