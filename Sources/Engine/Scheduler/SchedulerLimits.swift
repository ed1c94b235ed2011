import Models

/// What bounds a step and the sequences that run.
struct SchedulerLimits: Sendable, Equatable {
    /// Columns of a step at most.
    var columnsMax: Int
    /// Sequences that run at once; at most `columnsMax`, so that all can decode.
    var sequencesMax: Int
    /// KV memory.
    var kv: KVGeometry
    /// Columns of one prompt in a step at most.
    var chunkColumnsMax = Int.max
    /// What a step should take at most while answers are being written.
    var interTokenSeconds = 0.1

    /// What a step should take at most while nobody waits for his next token: arrivals and cancels are seen between
    /// steps.
    static let loneStepSeconds = 0.5
    /// The least part of a step's decoding time that prompts get beside it.
    static let prefillShareMin = 0.25
    /// The least columns that a step gives to prompts, so that they go on however slow the decoding is.
    static let prefillColumnsMin = 16
    /// Columns of a first step, before anything is known of the model's speed.
    static let probeColumns = 32
    /// Columns of prompts in a step at most that give logits: what these take in memory is bounded.
    static let promptOutputsMax = 32
    /// Predictions are off by some; the budget is not to be.
    static let budgetUse = 0.9
    /// A step leaves its prompts when it is going to take so many times what it should,
    static let budgetExcess = 1.1
    /// and so many times what was expected: where the decoding alone takes longer, little can be kept.
    static let expectationExcess = 1.25
}
