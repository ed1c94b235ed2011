import Glibc
import ModelFiles
import Models

/// A drawn token.
struct SampledToken: Equatable {
    var token: TokenID
    /// In the model's own distribution; nil unless asked for.
    var logprob: Float?
    /// The likeliest tokens of that distribution, best first.
    var alternatives: [TokenLogprob]
}

/// Draws tokens from rows of logits, of which it reads the summaries and a few segments.
///
/// Penalties, bias and bans go first (see `LogitChanges`); then the temperature is applied, and on the tempered
/// distribution top-k, top-p and min-p, in this order (see `Truncation`). The rarer samplers, and other orders, go
/// over all tokens (see `CandidateChain`). Temperature 0 takes the likeliest
/// token, of equal ones the lowest. Log-probabilities are those of the row as the model gave it: before all
/// of this, unless the request wants those of the distribution that it draws from.
///
/// A result depends on the row, the request, the tokens so far, the sequence's own state and the random numbers only. A sampler owns its
/// scratch memory and serves one thread at a time.
final class Sampler {
    /// The most alternatives that a token is reported with.
    static let alternativesMax = 20

    private let scratch: SamplerScratch
    private let changes: LogitChanges

    init(vocabularyCount: Int) {
        precondition(vocabularyCount > 0, "a vocabulary has tokens")
        scratch = SamplerScratch(vocabularyCount: vocabularyCount)
        changes = LogitChanges(vocabularyCount: vocabularyCount)
    }

    /// What the model shall sum up in a column whose row is for this request.
    static func output(
        column: Int, for request: GenerationRequest, vocabularyCount: Int
    ) -> StepBatch.Output {
        let needsTotal =
            !request.sampling.usesChain
            && Truncation.needsTotal(request.sampling, vocabularyCount: vocabularyCount)
        return StepBatch.Output(
            column: column, temperature: needsTotal ? request.sampling.temperature : 0,
            wantsTotal: request.wantsLogprobs && !request.reportsSampledDistribution)
    }

    /// Draws one token; the row is as before afterwards.
    ///
    /// - Parameters:
    ///   - tokens: the prompt and the answer so far, all of the vocabulary; the row is what follows them.
    ///   - chances: random numbers; not used when the temperature is 0.
    ///   - state: of the sequence; what the draw changed in it.
    func sample(
        _ row: LogitRow, for request: GenerationRequest, after tokens: [TokenID], chances: TokenChances,
        state: inout SamplerState
    ) throws(SamplingError) -> SampledToken {
        let maximum = try maximum(of: row)
        let draw = Draw(
            request: request, history: TokenHistory(tokens: tokens, promptCount: request.prompt.count),
            chances: chances)
        guard request.wantsLogprobs else {
            let token = try self.draw(row, maximum, draw, &state)
            return SampledToken(token: TokenID(token), logprob: nil, alternatives: [])
        }
        guard !request.reportsSampledDistribution else {
            return try changed(row, draw) { (_) throws(SamplingError) in
                try drawFromChain(row, draw, &state, reports: true)
            }
        }
        let total = row.weighSegments(maximum: maximum, scale: 1, weights: scratch.segmentWeights)
        let logTotal = log(total)
        func logprob(_ token: Int) -> Float {
            Float(Double(row.values[token]) - Double(maximum) - logTotal)
        }
        let alternatives = likeliest(min(request.alternativeCount, row.count), of: row).map {
            TokenLogprob(token: TokenID($0.index), logprob: logprob($0.index))
        }
        let token = try self.draw(row, maximum, draw, &state)
        return SampledToken(token: TokenID(token), logprob: logprob(token), alternatives: alternatives)
    }

    /// How likely the model holds a token for.
    func likelihood(
        of token: TokenID, in row: LogitRow, alternatives count: Int
    ) throws(SamplingError) -> PromptToken {
        let maximum = try maximum(of: row)
        let logTotal = log(row.weighSegments(maximum: maximum, scale: 1, weights: scratch.segmentWeights))
        func logprob(_ token: Int) -> Float {
            Float(Double(row.values[token]) - Double(maximum) - logTotal)
        }
        let own = row.values[Int(token)]
        return PromptToken(
            token: token, logprob: logprob(Int(token)), rank: 1 + row.logits.count { $0 > own },
            alternatives: likeliest(min(count, row.count), of: row).map {
                TokenLogprob(token: TokenID($0.index), logprob: logprob($0.index))
            })
    }

    private func maximum(of row: LogitRow) throws(SamplingError) -> Float {
        let maximum = row.maximum
        guard !maximum.isNaN else { throw .notANumber }
        guard maximum > -.infinity else { throw .nothingAllowed }
        return maximum
    }

    /// The likeliest tokens, best first.
    private func likeliest(_ count: Int, of row: LogitRow) -> [RankKey] {
        guard count > 0 else { return [] }
        return RankKey.likeliest(count, of: row, scratch: scratch)[..<count].sorted()
    }

    /// What one draw depends on beside the row.
    private struct Draw {
        let request: GenerationRequest
        let history: TokenHistory
        let chances: TokenChances
        var parameters: SamplingParameters { request.sampling }
    }

    private func draw(
        _ row: LogitRow, _ maximum: Float, _ draw: Draw, _ state: inout SamplerState
    ) throws(SamplingError) -> Int {
        guard LogitChanges.areWanted(by: draw.request) else {
            return try drawChanged(row, maximum, draw, &state)
        }
        return try changed(row, draw) { (maximum) throws(SamplingError) in
            try drawChanged(row, maximum, draw, &state)
        }
    }

    /// Runs `body` while the request's changes are in the row.
    private func changed<Value>(
        _ row: LogitRow, _ draw: Draw, _ body: (_ maximum: Float) throws(SamplingError) -> Value
    ) throws(SamplingError) -> Value {
        changes.apply(draw.request, draw.history, to: row)
        defer { changes.revert(row) }
        return try body(try maximum(of: row))
    }

    private func drawChanged(
        _ row: LogitRow, _ maximum: Float, _ draw: Draw, _ state: inout SamplerState
    ) throws(SamplingError) -> Int {
        let parameters = draw.parameters
        guard !parameters.usesChain else {
            return Int(try drawFromChain(row, draw, &state, reports: false).token)
        }
        guard parameters.temperature > 0 else { return row.first(of: maximum) }
        let tempered = TemperedRow(
            row, maximum: maximum, temperature: parameters.temperature, scratch: scratch)
        return tempered.draw(uniform: draw.chances.draw, cut: Truncation.cut(tempered, parameters))
    }

    /// - Parameter reports: whether the token comes with log-probabilities of the distribution drawn from.
    private func drawFromChain(
        _ row: LogitRow, _ draw: Draw, _ state: inout SamplerState, reports: Bool
    ) throws(SamplingError) -> SampledToken {
        let parameters = draw.parameters
        let chain = try CandidateChain(row, allowed: parameters.allowedTokens, scratch: scratch)
        chain.run(
            parameters, changes: changes, history: draw.history, exclusion: draw.chances.exclusion)
        var surpriseMax: Double?
        if let mirostat = parameters.mirostat, !parameters.isGreedy {
            surpriseMax = state.surpriseMax ?? 2 * Double(mirostat.tau)
            chain.truncate(mirostat, surpriseMax: surpriseMax ?? 0, vocabularyCount: row.count)
        }
        let place = chain.draw(uniform: draw.chances.draw)
        if let mirostat = parameters.mirostat, let surpriseMax {
            let surprise = -chain.logprob(place) / log(2)
            state.surpriseMax = surpriseMax - Double(mirostat.eta) * (surprise - Double(mirostat.tau))
        }
        let token = TokenID(chain.token(place))
        guard reports else { return SampledToken(token: token, logprob: nil, alternatives: []) }
        let logprob = Float(chain.logprob(place))
        let alternatives = chain.likeliest(draw.request.alternativeCount).map {
            TokenLogprob(token: TokenID(chain.token($0)), logprob: Float(chain.logprob($0)))
        }
        return SampledToken(token: token, logprob: logprob, alternatives: alternatives)
    }
}
