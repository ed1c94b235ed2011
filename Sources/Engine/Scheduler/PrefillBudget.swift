import Models

/// What one step still has for prompts, after the columns of those that decode.
struct PrefillBudget {
    private let limits: SchedulerLimits
    private let timeModel: StepTimeModel
    private var columns: Int
    private var seconds: Double
    /// Columns of prompts that may give logits.
    private var promptOutputs = SchedulerLimits.promptOutputsMax
    /// Nothing has been read in this step.
    private var isUntouched = true

    init(_ limits: SchedulerLimits, _ timeModel: StepTimeModel, decoding work: StepWork) {
        self.limits = limits
        self.timeModel = timeModel
        columns = limits.columnsMax - work.columns
        if work.columns == 0 {
            seconds = SchedulerLimits.loneStepSeconds * SchedulerLimits.budgetUse
        } else {
            let taken = timeModel.seconds(work)
            seconds = max(
                limits.interTokenSeconds * SchedulerLimits.budgetUse - taken,
                SchedulerLimits.prefillShareMin * taken)
        }
    }

    /// Whether another chunk is worth it.
    var isOpen: Bool { columns > 0 && (isUntouched || seconds > 0) }

    /// Columns that a sequence gets of what is left: at least a few, if it is the step's first.
    func columns(_ sequence: Sequence) -> Int {
        var most = min(sequence.uncomputedCount, columns, limits.chunkColumnsMax)
        if sequence.group.reportsPrompt { most = min(most, promptOutputs) }
        guard timeModel.isFitted else { return isUntouched ? min(most, SchedulerLimits.probeColumns) : 0 }
        var count = timeModel.columns(fitting: seconds, position: sequence.computed, max: most)
        if isUntouched { count = max(count, min(most, SchedulerLimits.prefillColumnsMin)) }
        guard count < most else { return most }
        // A chunk that ends with a block lets others use all of it.
        let end = (sequence.computed + count) / KVGeometry.blockTokens * KVGeometry.blockTokens
        return end - sequence.computed >= KVGeometry.blockTokens ? end - sequence.computed : count
    }

    mutating func spend(_ slice: StepPlan.Slice) {
        var work = StepWork()
        work.add(count: slice.count, position: slice.position, drawsNext: slice.drawsNext)
        work.outputs += slice.promptPositions.count
        let base = timeModel.seconds(StepWork())
        columns -= slice.count
        if slice.sequence.group.reportsPrompt { promptOutputs -= slice.count }
        seconds -= timeModel.seconds(work) - base
        isUntouched = false
    }
}
