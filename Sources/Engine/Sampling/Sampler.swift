import Glibc
import ModelFiles

/// A drawn token.
struct SampledToken: Equatable {
    var token: TokenID
    /// In the model's own distribution; nil unless asked for.
    var logprob: Float?
    /// The likeliest tokens of that distribution, best first.
    var alternatives: [TokenLogprob]
}

/// Draws tokens from rows of logits.
///
/// Banned tokens go first; then the temperature is applied, and on the tempered distribution top-k,
/// top-p and min-p, in this order (see `Truncation`). Temperature 0 takes the likeliest token, of
/// equal ones the lowest. Log-probabilities are those of the row as the model gave it: before bans,
/// temperature and truncation.
///
/// A result depends on the row, the request and the random number only. A sampler owns its scratch
/// memory and serves one thread at a time.
final class Sampler {
    /// The most alternatives that a token is reported with.
    static let alternativesMax = 20

    private let vocabularyCount: Int
    private let scratch: SamplerScratch

    init(vocabularyCount: Int) {
        precondition(vocabularyCount > 0, "a vocabulary has tokens")
        self.vocabularyCount = vocabularyCount
        scratch = SamplerScratch(vocabularyCount: max(vocabularyCount, Self.alternativesMax))
    }

    /// Draws one token.
    ///
    /// - Parameters:
    ///   - logits: [vocabulary]
    ///   - uniform: a random number, 0 ..< 1; not used when the temperature is 0.
    func sample(
        _ logits: UnsafePointer<Float>, for request: GenerationRequest, uniform: Double
    ) throws(SamplingError) -> SampledToken {
        let scan = try LogitsScan(logits, count: vocabularyCount, chunkMaxima: scratch.chunkMaxima)
        guard scan.maximum > -.infinity else { throw .nothingAllowed }
        guard request.wantsLogprobs else {
            let token = try draw(scan, request, uniform: uniform)
            return SampledToken(token: TokenID(token), logprob: nil, alternatives: [])
        }
        // Before drawing, which may scan a row without the banned tokens into the same scratch.
        let likeliest = Alternatives.likeliest(request.alternativeCount, of: scan, keys: scratch.keys)
        let logTotal = log(TemperedWeights.total(scan))
        func logprob(_ token: Int) -> Float {
            Float(Double(logits[token]) - Double(scan.maximum) - logTotal)
        }
        let alternatives = likeliest.map {
            TokenLogprob(token: TokenID($0.index), logprob: logprob($0.index))
        }
        let token = try draw(scan, request, uniform: uniform)
        return SampledToken(token: TokenID(token), logprob: logprob(token), alternatives: alternatives)
    }

    private func draw(
        _ original: LogitsScan, _ request: GenerationRequest, uniform: Double
    ) throws(SamplingError) -> Int {
        let scan = request.bannedTokens.isEmpty ? original : try ban(request.bannedTokens, from: original)
        let parameters = request.sampling
        guard parameters.temperature > 0 else { return scan.argmax }
        let row = TemperedWeights(scan, temperature: parameters.temperature, scratch: scratch)
        let cut = Truncation.cut(row, parameters, scratch: scratch)
        return row.draw(uniform: uniform, cut: cut)
    }

    /// A scan of the row without some tokens. It takes the scratch memory of the original's.
    private func ban(_ banned: Set<TokenID>, from original: LogitsScan) throws(SamplingError) -> LogitsScan {
        scratch.allowed.update(from: original.logits, count: vocabularyCount)
        for token in banned where token >= 0 && Int(token) < vocabularyCount {
            scratch.allowed[Int(token)] = -.infinity
        }
        let scan = try LogitsScan(scratch.allowed, count: vocabularyCount, chunkMaxima: scratch.chunkMaxima)
        guard scan.maximum > -.infinity else { throw .nothingAllowed }
        return scan
    }
}
