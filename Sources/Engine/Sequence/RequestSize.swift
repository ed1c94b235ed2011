import Models

/// What a request takes at worst, in tokens and KV blocks.
struct RequestSize: Equatable, Sendable {
    /// Tokens of the prompt; at least 1.
    var promptCount: Int
    /// The most tokens that a choice may get: the request's limit, clipped to the context.
    var answerMax: Int
    /// Answers to the one prompt; at least 1.
    var choiceCount: Int

    /// Blocks of one sequence at its longest. The token drawn last is never computed.
    var blocksOfSequence: Int { BlockTable.blockCount(positions: promptCount + max(answerMax - 1, 0)) }

    /// Blocks that each choice after the first takes: all but the prompt's full ones, and none when
    /// its only token comes from the first one's logits.
    var blocksOfFollower: Int {
        answerMax > 1 ? blocksOfSequence - promptCount / KVGeometry.blockTokens : 0
    }

    /// Blocks of so many choices together.
    func blocks(choices: Int) -> Int {
        choices == 0 ? 0 : blocksOfSequence + (choices - 1) * blocksOfFollower
    }

    /// Columns that the request costs when every choice gets all of its tokens.
    var columnsMax: Int { promptCount + choiceCount * max(answerMax - 1, 0) }
}
