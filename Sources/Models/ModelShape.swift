import ModelFiles

/// The numbers of a model, read from its metadata and checked against each other.
public struct ModelShape: Sendable {
    /// `general.architecture`
    public var architectureName: String { architecture.name }
    public let layerCount: Int
    /// Width of the residual stream.
    public let width: Int
    public let feedForwardWidth: Int
    public let headCount: Int
    public let kvHeadCount: Int
    /// Elements of one head, of queries, keys and values alike.
    public let headDim: Int
    public let vocabularyCount: Int
    /// Positions that the model was made for.
    public let contextLength: Int
    /// Positions that a sliding-window layer sees; nil without such layers.
    public let slidingWindow: Int?

    let architecture: Architecture
    let normEpsilon: Float
    /// Elements of a head that are rotated.
    let ropeDim: Int
    /// RoPE bases and how much positions are stretched: of full layers, then of sliding ones.
    let ropeBases: [Double]
    let ropeStretch: [Double]

    /// - Throws: for an unknown architecture, a missing or contradictory value; the error names the key.
    public init(_ file: GGUFFile) throws(ModelFileError) {
        let metadata = file.metadata
        let name = try metadata.string("general.architecture")
        guard let architecture = Architecture.all.first(where: { $0.name == name }) else {
            let known = Architecture.all.map(\.name).joined(separator: ", ")
            throw metadata.error("general.architecture", "\"\(name)\" is not known here; known: \(known)")
        }
        self.architecture = architecture

        func count(_ key: String, _ range: ClosedRange<Int>, default fallback: Int? = nil)
            throws(ModelFileError) -> Int
        {
            let value: Int
            if let fallback {
                value = try metadata.optionalInteger("\(name).\(key)") ?? fallback
            } else {
                value = try metadata.integer("\(name).\(key)")
            }
            guard range.contains(value) else {
                throw metadata.error(
                    "\(name).\(key)", "\(value); expected \(range.lowerBound) to \(range.upperBound)")
            }
            return value
        }
        layerCount = try count("block_count", 1...1024)
        width = try count("embedding_length", 32...65_536)
        feedForwardWidth = try count("feed_forward_length", 32...1_048_576)
        headCount = try count("attention.head_count", 1...1024)
        kvHeadCount = try count("attention.head_count_kv", 1...headCount, default: headCount)
        headDim = try count("attention.key_length", 16...512, default: max(width / headCount, 1))
        contextLength = try count("context_length", 1...(1 << 24))
        ropeDim = try count("rope.dimension_count", 2...headDim, default: headDim)
        slidingWindow =
            architecture.slidingPeriod == nil
            ? nil : try count("attention.sliding_window", 1...(1 << 24))

        let valueDim = try count("attention.value_length", 1...512, default: headDim)
        guard valueDim == headDim else {
            throw metadata.error(
                "\(name).attention.value_length",
                "\(valueDim), where keys have \(headDim); they must be equal")
        }
        guard headDim % 16 == 0 else {
            throw metadata.error("\(name).attention.key_length", "\(headDim); expected a multiple of 16")
        }
        guard headCount % kvHeadCount == 0 else {
            throw metadata.error(
                "\(name).attention.head_count_kv",
                "\(kvHeadCount) does not divide the \(headCount) query heads")
        }
        guard ropeDim % 2 == 0 else {
            throw metadata.error("\(name).rope.dimension_count", "\(ropeDim); expected an even number")
        }
        let epsilon = try metadata.number("\(name).attention.layer_norm_rms_epsilon")
        guard epsilon > 0, epsilon < 1 else {
            throw metadata.error("\(name).attention.layer_norm_rms_epsilon", "\(epsilon); expected 0 to 1")
        }
        normEpsilon = Float(epsilon)
        (ropeBases, ropeStretch) = try Self.rope(metadata, architecture)

        guard let embedding = file.tensor("token_embd.weight") else {
            throw ModelFileError(path: file.path, field: "tensor token_embd.weight", reason: "missing")
        }
        vocabularyCount = embedding.rowCount
        guard (1...(1 << 22)).contains(vocabularyCount) else {
            throw ModelFileError(
                path: file.path, field: "tensor token_embd.weight",
                reason: "\(vocabularyCount) rows; expected 1 to 4,194,304")
        }
    }

    private static func rope(
        _ metadata: GGUFMetadata, _ architecture: Architecture
    ) throws(ModelFileError) -> (bases: [Double], stretch: [Double]) {
        let prefix = "\(architecture.name).rope"
        let base = try metadata.optionalNumber("\(prefix).freq_base") ?? 10_000
        let sliding = try metadata.optionalNumber("\(prefix).freq_base_swa") ?? architecture.slidingRopeBase
        for (key, value) in [("freq_base", base), ("freq_base_swa", sliding)]
        where !(value >= 1 && value < 1e12) {
            throw metadata.error("\(prefix).\(key)", "\(value); expected 1 to 1e12")
        }
        var factor = 1.0
        switch try metadata.optionalString("\(prefix).scaling.type") {
        case nil, "none": break
        case "linear": factor = try metadata.number("\(prefix).scaling.factor")
        case let other?:
            throw metadata.error(
                "\(prefix).scaling.type", "\"\(other)\" is not known here; known: none, linear")
        }
        guard factor > 0, factor < 1e6 else {
            throw metadata.error("\(prefix).scaling.factor", "\(factor); expected more than 0")
        }
        return ([base, sliding], [factor, 1])
    }

    /// Whether a layer sees only the sliding window.
    func slides(layer: Int) -> Bool {
        guard let period = architecture.slidingPeriod else { return false }
        return (layer + 1) % period != 0
    }

    var queryWidth: Int { headCount * headDim }
    var kvWidth: Int { kvHeadCount * headDim }

    /// The layers of a group share blocks.
    func kvGroup(layer: Int) -> KVGroup { hasFullLayers && slides(layer: layer) ? .window : .full }

    private var hasFullLayers: Bool { (0..<layerCount).contains { !slides(layer: $0) } }

    /// Layers of a group among the first so many.
    func kvLayerCount(_ group: KVGroup, before layer: Int? = nil) -> Int {
        (0..<(layer ?? layerCount)).count { kvGroup(layer: $0) == group }
    }

    /// How blocks of this type are cut, in so much memory.
    public func kvGeometry(_ type: KVType, budgetBytes: Int) -> KVGeometry {
        let layerBytes = 2 * kvHeadCount * type.headBytes(headDim: headDim)
        let sliding = kvLayerCount(.window)
        return KVGeometry(
            bytesPerBlock: kvLayerCount(.full) * layerBytes,
            window: sliding == 0
                ? nil : .init(positions: slidingWindow ?? contextLength, bytesPerBlock: sliding * layerBytes),
            budgetBytes: budgetBytes)
    }
}
