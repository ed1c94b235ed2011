import Engine
import Glibc
import ModelFiles

/// Looks for the most probable continuations of one prompt: of all continuations of the most probable ones so far,
/// the most probable go on (beam search).
///
/// Pure: the likeliest tokens behind each running beam go in, the next beams come out. A beam is judged by the sum of
/// its log-probabilities over a power of its length (Wu et al., arXiv:1609.08144, section 7, without the coverage).
struct BeamSearch {
    struct Beam: Sendable, Equatable {
        /// Without the stop token.
        var tokens: [AnswerToken] = []
        /// Of all log-probabilities, that of the stop token included.
        var sum = 0.0
        /// The token that ended it.
        var last: TokenID?
    }

    struct Parameters: Sendable, Equatable {
        /// Beams that go on; also how many finished ones are wanted.
        var width: Int
        /// The power of the length; above 0 favours long answers.
        var lengthPenalty: Double
        /// End when `width` beams have finished, whatever the others promise.
        var stopsEarly: Bool
        var tokensMin: Int
        var tokensMax: Int
        var stopTokens: Set<TokenID>
        var bannedTokens: Set<TokenID>
    }

    private let parameters: Parameters
    /// Best first, all of the same length.
    private(set) var running = [Beam()]
    /// Best first.
    private(set) var finished: [Beam] = []

    init(_ parameters: Parameters) {
        self.parameters = parameters
        finishLong()
    }

    /// Candidates that each running beam needs: enough for `width` to go on when as many end.
    static func candidateCount(width: Int) -> Int { 2 * width }

    var isDone: Bool {
        guard let best = running.first else { return true }
        guard finished.count >= parameters.width else { return false }
        return parameters.stopsEarly || score(best) <= score(finished[parameters.width - 1])
    }

    /// The best beams, those that had not finished included.
    var best: [Beam] { ranked(finished + running) }

    /// - Parameter candidates: of each running beam, its likeliest next tokens.
    mutating func advance(_ candidates: [[TokenLogprob]]) {
        var next: [Beam] = []
        for (beam, tokens) in zip(running, candidates) {
            for candidate in tokens where candidate.logprob > -.infinity {
                if parameters.bannedTokens.contains(candidate.token) { continue }
                var longer = beam
                longer.sum += Double(candidate.logprob)
                if parameters.stopTokens.contains(candidate.token) {
                    guard beam.tokens.count >= parameters.tokensMin else { continue }
                    longer.last = candidate.token
                    finished.append(longer)
                } else {
                    longer.tokens.append(
                        AnswerToken(
                            token: candidate.token, logprob: candidate.logprob, alternatives: tokens))
                    next.append(longer)
                }
            }
        }
        running = Array(ranked(next).prefix(parameters.width))
        finished = Array(ranked(finished).prefix(parameters.width))
        finishLong()
    }

    /// At the limit beams end where they are.
    private mutating func finishLong() {
        guard running.first?.tokens.count == parameters.tokensMax else { return }
        finished = Array(ranked(finished + running).prefix(parameters.width))
        running = []
    }

    /// Of equally good ones the first stays first.
    private func ranked(_ beams: [Beam]) -> [Beam] {
        beams.enumerated().sorted { (score($1.element), $0.offset) < (score($0.element), $1.offset) }
            .map(\.element)
    }

    private func score(_ beam: Beam) -> Double {
        beam.sum / pow(Double(max(1, beam.tokens.count)), parameters.lengthPenalty)
    }
}
