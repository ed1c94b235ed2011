import Compute
import ModelFiles

/// A decoder-only transformer on the CPU: runs the layer program over steps of mixed prefill and decode
/// columns.
///
/// A column's logits depend on its own sequence only: not on the columns beside it, nor on how a prompt was
/// cut into steps. Confined to one thread, which is thread 0 of its pool.
public final class TransformerModel: LanguageModel {
    public let shape: ModelShape
    public let plan: MemoryPlan
    public let precision: Precision
    public let kernels: Kernels
    let file: GGUFFile  // the embedding and unpacked matrices read from its mapping
    let weights: Weights
    let cache: KVCache
    let workspace: Workspace
    let logits: Logits
    let pool: ThreadPool
    let planes: InputPlanes
    let ropeFrequencies: [Buffer<Float>]

    /// Loads the weights of a file: maps, checks, repacks.
    ///
    /// - Parameter progress: gets fractions of the work done, on the calling thread.
    public static func load(
        file: GGUFFile, options: ModelOptions, kernels: Kernels = .best, progress: (Double) -> Void = { _ in }
    ) throws(ModelError) -> TransformerModel {
        let shape: ModelShape
        let weights: Weights
        do {
            shape = try ModelShape(file)
            weights = try Weights(file, shape)
        } catch {
            throw .file(error.description)
        }
        let plan = try MemoryPlan(file, shape, weights, options)
        guard let cache = KVCache(shape, type: options.kvType, geometry: plan.kv) else {
            throw .memory(plan.kvBytes)
        }
        let pool = ThreadPool(count: options.threads)
        try weights.pack(pool, progress: progress)
        return TransformerModel(file, shape, plan, options, kernels, weights, cache, pool)
    }

    private init(
        _ file: GGUFFile, _ shape: ModelShape, _ plan: MemoryPlan, _ options: ModelOptions,
        _ kernels: Kernels,
        _ weights: Weights, _ cache: KVCache, _ pool: ThreadPool
    ) {
        self.file = file
        self.shape = shape
        self.plan = plan
        precision = options.precision
        planes = InputPlanes(options.precision)
        self.kernels = kernels
        self.weights = weights
        self.cache = cache
        self.pool = pool
        workspace = Workspace(shape, options)
        logits = Logits(vocabularyCount: shape.vocabularyCount, kernels: kernels)
        ropeFrequencies = zip(shape.ropeBases, shape.ropeStretch).map { base, stretch in
            Rope.frequencies(dim: shape.ropeDim, base: base, stretch: stretch, factors: weights.ropeFactors)
        }
    }

    public var vocabularyCount: Int { shape.vocabularyCount }
    public var contextLength: Int { plan.contextLength }
    public var columnsMax: Int { workspace.columnsMax }
    public var kvGeometry: KVGeometry { cache.geometry }
    public var stateWidth: Int { shape.width }

    /// Binds the calling thread to the CPU of thread 0; the engine calls it once on its own thread.
    public func adoptThread() { pool.pinCaller() }

    public func copyBlock(_ group: KVGroup, from source: Int32, to destination: Int32, tokens: Int) {
        cache.copy(group, from: Int(source), to: Int(destination), tokens: tokens)
    }

    public func discardBlock(_ group: KVGroup, _ block: Int32) { cache.discard(group, Int(block)) }

    public func forward(_ batch: StepBatch) -> Logits {
        precondition(
            batch.tokens.count <= columnsMax && !batch.slices.isEmpty,
            "a step of \(batch.tokens.count) columns")
        precondition(
            batch.deadline.map { 1..<batch.slices.count ~= $0.keptSlices } ?? true, "all is kept, or nothing")
        logits.prepare(batch.outputs)
        let step = Step(self, batch)
        workspace.reserveStates(step)
        pool.run { thread in step.run(thread) }
        return logits
    }
}
