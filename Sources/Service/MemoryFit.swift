import ModelFiles
import Models

/// The memory that a model gets on this machine.
///
/// A KV budget that somebody chose is kept, or refused with the numbers. The default follows from what the process may
/// still use, by its control group and the machine (`AvailableMemory`): what the model usually takes, but no more than
/// leaves a part of that memory to everything else.
struct MemoryFit {
    /// Positions that a KV cache must hold to be worth starting with.
    static let kvTokensMin = 2048
    /// Of the memory that is there, what a model may take with a KV cache that nobody chose, in percent.
    static let fittedPercent = 85

    let plan: MemoryPlan
    let options: ModelOptions
    /// What the KV cache would take with more memory; nil when it takes that.
    let usualKVBytes: Int?

    /// - Parameters:
    ///   - options: without `kvBytesMax`, the budget is chosen here.
    ///   - embedder: what another model takes beside this one, or will; nil without one.
    ///   - available: nil where the system does not say.
    init(
        file: GGUFFile, options: ModelOptions, beside embedder: EncoderPlan? = nil,
        available: AvailableMemory?
    ) throws(ServiceError) {
        let embedderBytes = embedder?.totalBytes ?? 0
        let usual = try Self.plan(file, options)
        guard let available else {
            (plan, self.options, usualKVBytes) = (usual, options, nil)
            return
        }
        guard options.kvBytesMax == nil else {
            guard usual.totalBytes + embedderBytes <= available.bytes else {
                throw Self.refusal(file, usual, embedder, available)
            }
            (plan, self.options, usualKVBytes) = (usual, options, nil)
            return
        }
        let fixed = usual.weightBytes + usual.workspaceBytes + embedderBytes
        let rest = available.bytes / 100 * Self.fittedPercent - fixed
        guard rest < usual.kvBytes else {
            (plan, self.options, usualKVBytes) = (usual, options, nil)
            return
        }
        guard rest >= usual.kv.bytes(positions: min(usual.contextLength, Self.kvTokensMin)) else {
            throw Self.refusal(file, usual, embedder, available)
        }
        var fitted = options
        fitted.kvBytesMax = rest
        (plan, self.options, usualKVBytes) = (try Self.plan(file, fitted), fitted, usual.kvBytes)
    }

    private static func plan(_ file: GGUFFile, _ options: ModelOptions) throws(ServiceError) -> MemoryPlan {
        do throws(ModelError) {
            return try MemoryPlan(file: file, options: options)
        } catch {
            throw ServiceError("cannot load \(file.path): \(error)")
        }
    }

    private static func refusal(
        _ file: GGUFFile, _ plan: MemoryPlan, _ embedder: EncoderPlan?, _ available: AvailableMemory
    ) -> ServiceError {
        let beside = embedder.map {
            ", beside \(Quantity.show(bytes: $0.totalBytes)) of the model that embeds"
        }
        return ServiceError(
            "\(file.path) does not fit in memory: it needs \(Quantity.show(bytes: plan.totalBytes)) "
                + "(weights \(Quantity.show(bytes: plan.weightBytes)), KV cache \(Quantity.show(bytes: plan.kvBytes)), "
                + "workspace \(Quantity.show(bytes: plan.workspaceBytes)))\(beside ?? ""), but "
                + "\(available.limit) leaves "
                + "\(Quantity.show(bytes: available.bytes)); a smaller --context or --kv-memory needs less")
    }
}

extension MemoryPlan {
    /// What the KV memory is good for: its bytes, and positions. Those of long sequences take less where some layers
    /// keep a window only.
    var kvText: String {
        let text =
            "\(Quantity.show(bytes: kvBytes)) for "
            + "\(kv.positions(inSequencesOf: KVGeometry.blockTokens)) tokens"
        guard kv.window != nil else { return text }
        return text + ", or \(kv.positions(inSequencesOf: sequenceMax)) in sequences of \(sequenceMax)"
    }
}
