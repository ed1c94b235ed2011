/// What one rendering may spend. Templates come with model files, so they are input from outside.
struct TemplateLimits: Sendable {
    /// Evaluated nodes, plus one for every 64 bytes or elements that an operation copies.
    var stepsMax = 20_000_000
    /// How deep statements, expressions and macro calls may nest while they run.
    var depthMax = 400
    /// How many macro calls may be under way inside each other.
    var callDepthMax = 64
    /// How deep a value may nest when it is printed, compared or written as JSON.
    var valueDepthMax = 200
    /// The size of any one string, and with it of the output, in bytes.
    var stringBytesMax = 64 << 20
    /// The length of any one list, also of `range()`.
    var elementsMax = 1_000_000
    /// How much stack reading or running a template may take, in bytes. Reached before `depthMax` only where
    /// frames are large, as in debug builds.
    static let stackBytesMax: UInt = 1 << 20
    /// The size of a template's source, in bytes.
    static let sourceBytesMax = 1 << 20
    /// How deep expressions and statements may nest in the source.
    static let sourceDepthMax = 100
    /// How many attributes, subscripts, calls and filters may follow one operand.
    static let sourceChainMax = 100
}
