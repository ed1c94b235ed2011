/// What a GGUF file may ask for. Beyond these, every count is also held against the bytes that are left in
/// the file before anything is allocated for it.
enum GGUFLimits {
    /// The GGUF document: keys are at most 2^16 - 1 bytes long.
    static let keyBytesMax = 65_535
    /// The GGUF document: tensor names are at most 64 bytes long.
    static let tensorNameBytesMax = 64
    /// The GGUF document: at most four dimensions.
    static let dimensionCountMax = 4
    /// Real files have some fifty keys and, with a tensor for each of many experts, ten thousand tensors.
    static let metadataCountMax = 65_536
    static let tensorCountMax = 131_072
    /// A single string; chat templates have some ten thousand bytes. Strings in arrays stay in the mapping.
    static let stringBytesMax = 16 << 20
    /// How deep arrays may lie in arrays, and how many of them in all: each costs a Swift object.
    static let arrayDepthMax = 8
    static let nestedArrayCountMax = 65_536
    /// The GGUF document: the alignment is a multiple of 8 (ggml: and a power of two).
    static let alignmentMin = 8
    static let alignmentMax = 1 << 20
    static let alignmentDefault = 32
    /// Files of one split model.
    static let splitCountMax = 1_024
}
