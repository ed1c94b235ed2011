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
    /// Prompt and answer.
    var tokens: [TokenID]
    /// Positions whose keys and values are in the blocks.
    var computed = 0
    var table = BlockTable()
    var phase = SequencePhase.waiting
    /// The last step whose planning has looked at it, and the last one that it has columns in.
    var seenInStep = 0
    var plannedInStep = 0
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
    var answerCount: Int { tokens.count - group.size.promptCount }

    /// Tokens whose keys and values are not there yet.
    var uncomputedCount: Int { tokens.count - computed }
}
