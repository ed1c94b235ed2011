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
/// distribution top-k, top-p and min-p, in this order (see `Truncation`). Temperature 0 takes the likeliest
/// token, of equal ones the lowest. Log-probabilities are those of the row as the model gave it: before all
/// of this.
///
/// A result depends on the row, the request, the tokens so far and the random number only. A sampler owns its
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
        let needsTotal = Truncation.needsTotal(request.sampling, vocabularyCount: vocabularyCount)
        return StepBatch.Output(
            column: column, temperature: needsTotal ? request.sampling.temperature : 0,
            wantsTotal: request.wantsLogprobs)
    }

    /// Draws one token; the row is as before afterwards.
    ///
    /// - Parameters:
    ///   - tokens: the prompt and the answer so far, all of the vocabulary; the row is what follows them.
    ///   - uniform: a random number, 0 ..< 1; not used when the temperature is 0.
    func sample(
        _ row: LogitRow, for request: GenerationRequest, after tokens: [TokenID], uniform: Double
    ) throws(SamplingError) -> SampledToken {
        let maximum = try maximum(of: row)
        guard request.wantsLogprobs else {
            let token = try draw(row, maximum, request, tokens, uniform)
            return SampledToken(token: TokenID(token), logprob: nil, alternatives: [])
        }
        let total = row.weighSegments(maximum: maximum, scale: 1, weights: scratch.segmentWeights)
        let logTotal = log(total)
        func logprob(_ token: Int) -> Float {
            Float(Double(row.values[token]) - Double(maximum) - logTotal)
        }
        let alternatives = likeliest(min(request.alternativeCount, row.count), of: row).map {
            TokenLogprob(token: TokenID($0.index), logprob: logprob($0.index))
        }
        let token = try draw(row, maximum, request, tokens, uniform)
        return SampledToken(token: TokenID(token), logprob: logprob(token), alternatives: alternatives)
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

    private func draw(
        _ row: LogitRow, _ maximum: Float, _ request: GenerationRequest, _ tokens: [TokenID],
        _ uniform: Double
    ) throws(SamplingError) -> Int {
        guard LogitChanges.areWanted(by: request) else {
            return draw(row, maximum, request.sampling, uniform)
        }
        changes.apply(request, after: tokens, to: row)
        defer { changes.revert(row) }
        return draw(row, try self.maximum(of: row), request.sampling, uniform)
    }

    private func draw(
        _ row: LogitRow, _ maximum: Float, _ parameters: SamplingParameters, _ uniform: Double
    ) -> Int {
        guard parameters.temperature > 0 else { return row.first(of: maximum) }
        let tempered = TemperedRow(
            row, maximum: maximum, temperature: parameters.temperature, scratch: scratch)
        return tempered.draw(uniform: uniform, cut: Truncation.cut(tempered, parameters))
    }
}
