import ModelFiles

/// One continuation of a prompt: its tokens and where their keys and values are.
///
/// Confined to the engine's thread; only `Scheduler` changes it.
final class Sequence {
    /// The group refers to its sequences too, until all have finished.
    let group: SequenceGroup
    /// Which of the request's choices this is.
    let choice: Int
    /// Prompt and answer.
    var tokens: [TokenID]
    /// Positions whose keys and values are in the blocks.
    var computed = 0
    var table = BlockTable()
    var phase = SequencePhase.waiting

    init(group: SequenceGroup, choice: Int) {
        self.group = group
        self.choice = choice
        tokens = group.request.prompt
    }

    /// Tokens drawn so far.
    var answerCount: Int { tokens.count - group.size.promptCount }

    /// Blocks that it may still take, at worst; the scheduler keeps as many free.
    var blocksReserved: Int {
        let size = group.size
        return switch phase {
        case .waiting, .finished: 0
        case .prefilling where self !== group.leader: size.blocksOfFollower
        case .prefilling: size.blocksOfSequence - table.blocks.count
        case .decoding: size.answerMax > 1 ? size.blocksOfSequence - table.blocks.count : 0
        }
    }
}
