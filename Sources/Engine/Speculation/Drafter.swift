import ModelFiles

/// Guesses what a sequence goes on with, and learns how often that is right: for guesses that were drafted and, at
/// no cost, for all others too.
struct Drafter {
    /// Matches of so many tokens and more are counted together.
    private static let kinds = [NgramIndex.runLength, 5, 9, NgramIndex.matchLengthMax]
    /// Weight of the newest guess.
    private static let weight = 0.15

    private var index = NgramIndex()
    /// The part of the guessed tokens that were right, each after right ones. Short matches have to earn their
    /// drafts. [kind]
    private var acceptances = [0.2, 0.5, 0.7, 0.8]

    /// The last guess: the position of the token that followed where the last tokens stood before.
    private var next: Int?
    /// Tokens that the sequence had then.
    private var count = 0
    private var kind = 0
    /// Tokens of it that the model was asked to confirm.
    private var draftedCount = 0

    /// Looks at the tokens that came since the last call, and guesses what comes next.
    ///
    /// - Returns: how likely a guessed token is right when those before it were; nil without a guess.
    mutating func guess(_ tokens: [TokenID]) -> Double? {
        learn(tokens)
        guard let match = index.match(tokens) else {
            next = nil
            return nil
        }
        next = match.next
        count = tokens.count
        kind = Self.kinds.lastIndex { $0 <= match.length } ?? 0
        draftedCount = 0
        return acceptances[kind]
    }

    /// Takes so many tokens of the last guess, which the model is going to confirm or not.
    mutating func draft(_ wanted: Int, of tokens: [TokenID]) -> [TokenID] {
        guard let next else { return [] }
        draftedCount = wanted
        return (0..<wanted).map { guessed($0, from: next, tokens) }
    }

    /// Where the earlier place reaches the sequence's end, it goes on from the place again: the text repeats itself.
    private func guessed(_ place: Int, from next: Int, _ tokens: [TokenID]) -> TokenID {
        tokens[next + place % (count - next)]
    }

    private mutating func learn(_ tokens: [TokenID]) {
        guard let next else { return }
        for place in 0..<min(max(draftedCount, 1), tokens.count - count) {
            let isRight = tokens[count + place] == guessed(place, from: next, tokens)
            acceptances[kind] += Self.weight * ((isRight ? 1 : 0) - acceptances[kind])
            guard isRight else { return }
        }
    }
}
