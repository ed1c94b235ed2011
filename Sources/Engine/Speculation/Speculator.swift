/// Adds drafts to steps in which few sequences decode and nothing else is to do.
///
/// A sequence then has several columns: its last token and what probably follows. The tokens are drawn as ever, each
/// from its own column with its own random number, and a draft counts as long as it is what was drawn. So answers
/// are the same to the bit, and only the number of steps changes. How many tokens to draft is what promises the
/// most tokens a second, by how often drafts were right and by what steps of that width took; none on most text.
struct Speculator {
    /// Sequences that decode together at most: in wider steps columns cost what they give.
    static let sequencesMax = 4
    /// Drafted tokens of one sequence.
    static let draftMax = 7
    /// What drafting has to promise over not drafting.
    private static let gainMin = 1.03

    private var costs = ColumnCosts()

    /// Adds drafts to a plan where they are worth it.
    ///
    /// - Parameter reserve: gives a sequence blocks for columns behind its next one, and says for how many it could.
    mutating func extend(_ plan: inout StepPlan, reserve: (Int, Sequence) -> Int) {
        guard isNarrow(plan) else { return }
        for index in plan.slices.indices {
            let sequence = plan.slices[index].sequence
            guard let acceptance = sequence.drafter.guess(sequence.tokens) else { continue }
            // The answer's last token needs no column, and no column lies behind the context's end.
            let size = sequence.group.size
            let room = min(
                Self.draftMax, size.answerMax - sequence.answerCount - 1,
                size.positionsMax - sequence.tokens.count)
            let wanted = draftCount(room, acceptance, beside: plan)
            guard wanted > 0 else { continue }
            let count = min(wanted, reserve(wanted, sequence))
            plan.add(drafts: sequence.drafter.draft(count, of: sequence.tokens), to: index)
        }
    }

    /// What a step took.
    mutating func observe(_ plan: StepPlan, seconds: Double) {
        if isNarrow(plan) { costs.observe(columns: plan.work.columns, seconds: seconds) }
    }

    private func isNarrow(_ plan: StepPlan) -> Bool {
        plan.prefillColumnCount == 0 && 1...Self.sequencesMax ~= plan.slices.count
    }

    /// How many tokens to draft for one sequence more.
    private func draftCount(_ room: Int, _ acceptance: Double, beside plan: StepPlan) -> Int {
        let columns = plan.work.columns
        var best = (count: 0, rate: Double(plan.slices.count) / costs.seconds(columns) * Self.gainMin)
        var tokens = Double(plan.slices.count)
        var chance = 1.0
        for count in 1...max(1, room) where count <= room && columns + count <= ColumnCosts.columnsMax {
            chance *= acceptance
            tokens += chance
            let rate = tokens / costs.seconds(columns + count)
            if rate > best.rate { best = (count, rate) }
        }
        return best.count
    }
}
