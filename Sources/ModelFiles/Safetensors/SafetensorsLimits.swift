/// What a safetensors file may ask for.
enum SafetensorsLimits {
    /// The format document: a header is at most 100 MB.
    static let headerBytesMax = 100_000_000
    static let tensorCountMax = 131_072
    static let nameBytesMax = 256
    /// Fields of all tensors, and their shapes' numbers: a handful for each.
    static let valuesMax = 16 * tensorCountMax
    /// Real tensors have one to four; a scalar has none.
    static let dimensionCountMax = 8
}
