import ModelFiles
import Models

/// Changes the logits of the few tokens that a request treats differently, and takes the changes back.
///
/// In this order: the repetition penalty divides the positive logits of tokens that occurred and multiplies the
/// negative ones (CTRL, arXiv:1909.05858); presence and frequency penalties are subtracted for tokens of the
/// answer; the bias is added; banned tokens become impossible. Only the touched segments are summarised again.
final class LogitChanges {
    /// What was there before each change, in order.
    private var originals: [(token: Int, logit: Float)] = []
    private var touchedSegments: [Int] = []
    /// [segment]
    private var isTouched: [Bool]
    /// How often a token occurs in the answer; all 0 between calls. [token]
    private let answerCounts: UnsafeMutableBufferPointer<Int32>
    /// Whether a token occurs in the repetition penalty's window; all false between calls. [token]
    private let isRepeated: UnsafeMutableBufferPointer<Bool>

    init(vocabularyCount: Int) {
        isTouched = Array(
            repeating: false, count: (vocabularyCount + Logits.segmentSize - 1) / Logits.segmentSize)
        answerCounts = .allocate(capacity: vocabularyCount)
        answerCounts.initialize(repeating: 0)
        isRepeated = .allocate(capacity: vocabularyCount)
        isRepeated.initialize(repeating: false)
    }

    deinit {
        answerCounts.deallocate()
        isRepeated.deallocate()
    }

    /// Whether a request changes any logit.
    static func areWanted(by request: GenerationRequest) -> Bool {
        !request.bannedTokens.isEmpty || request.sampling.changesLogits
    }

    /// - Parameter tokens: prompt and answer up to here.
    func apply(_ request: GenerationRequest, after tokens: [TokenID], to row: LogitRow) {
        let parameters = request.sampling
        if parameters.penalizes {
            penalize(parameters, tokens, promptCount: request.prompt.count, row)
        }
        for (token, bias) in parameters.logitBias where 0..<row.count ~= Int(token) {
            change(Int(token), of: row) { $0 + bias }
        }
        for token in request.bannedTokens where 0..<row.count ~= Int(token) {
            change(Int(token), of: row) { _ in -.infinity }
        }
        summarize(row)
    }

    /// Gives the row its logits back.
    func revert(_ row: LogitRow) {
        for (token, logit) in originals.reversed() {
            row.values[token] = logit
            touch(token)
        }
        originals.removeAll(keepingCapacity: true)
        summarize(row)
    }

    private func penalize(
        _ parameters: SamplingParameters, _ tokens: [TokenID], promptCount: Int, _ row: LogitRow
    ) {
        let answer = tokens[min(promptCount, tokens.count)...]
        let window = parameters.repetitionPenalty == 1 ? 0 : parameters.repetitionWindow ?? tokens.count
        let repeated = tokens.suffix(window)
        for token in answer { answerCounts[Int(token)] += 1 }
        for token in repeated { isRepeated[Int(token)] = true }
        for token in [answer, repeated].joined() where answerCounts[Int(token)] > 0 || isRepeated[Int(token)]
        {
            let count = Float(answerCounts[Int(token)])
            let penalty = isRepeated[Int(token)] ? parameters.repetitionPenalty : 1
            change(Int(token), of: row) { logit in
                (logit > 0 ? logit / penalty : logit * penalty)
                    - (count > 0 ? parameters.presencePenalty + count * parameters.frequencyPenalty : 0)
            }
            // Each token once.
            answerCounts[Int(token)] = 0
            isRepeated[Int(token)] = false
        }
    }

    private func change(_ token: Int, of row: LogitRow, _ change: (Float) -> Float) {
        originals.append((token, row.values[token]))
        row.values[token] = change(row.values[token])
        touch(token)
    }

    private func touch(_ token: Int) {
        let segment = token / Logits.segmentSize
        guard !isTouched[segment] else { return }
        isTouched[segment] = true
        touchedSegments.append(segment)
    }

    private func summarize(_ row: LogitRow) {
        for segment in touchedSegments {
            row.summarize(segment)
            isTouched[segment] = false
        }
        touchedSegments.removeAll(keepingCapacity: true)
    }
}
