import ModelFiles

/// One continuation of a prompt: its tokens and where their keys and values are.
///
/// Confined to the engine's thread; only `Scheduler` and its `PrefixCache` change it.
final class Sequence {
    /// The group refers to its sequences too, until all have finished.
    let group: SequenceGroup
    /// Which of the request's choices this is.
    let choice: Int
    let rank: Rank
    /// Prompt and answer, as far as they are in the context.
    var tokens: [TokenID]
    /// All of them, once the context has been shifted.
    private var past: [TokenID]?
    private var droppedCount = 0
    /// Positions whose keys and values are in the blocks.
    var computed = 0
    var table = BlockTable()
    var phase = SequencePhase.waiting
    /// The last step whose planning has looked at it, and the last one that it has columns in.
    var seenInStep = 0
    var plannedInStep = 0
    /// Belongs to the sampler.
    var sampling = SamplerState()
    /// Belongs to the speculator.
    var drafter = Drafter()

    init(group: SequenceGroup, choice: Int) {
        self.group = group
        self.choice = choice
        rank = Rank(
            arrivedAt: group.arrivedAt, priority: group.request.priority, id: group.id, choice: choice)
        tokens = group.request.prompt
    }

    /// Tokens drawn so far.
    var answerCount: Int { tokens.count + droppedCount - group.size.promptCount }

    /// Prompt and answer from their beginning.
    var history: [TokenID] { past ?? tokens }

    func append(_ token: TokenID) {
        tokens.append(token)
        past?.append(token)
    }

    /// Forgets tokens of the context; none of them may be computed.
    func drop(_ shift: ContextShift) {
        past = past ?? tokens
        droppedCount += shift.dropped
        tokens.removeSubrange(shift.kept..<shift.kept + shift.dropped)
        // It knows tokens by their places.
        drafter = Drafter()
    }

    /// Tokens whose keys and values are not there yet.
    var uncomputedCount: Int { tokens.count - computed }
}
