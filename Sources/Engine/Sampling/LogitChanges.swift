import ModelFiles
import Models

/// Changes the logits of the few tokens that a request treats differently, and takes the changes back.
///
/// In this order: the repetition penalty divides the positive logits of tokens that occurred and multiplies the
/// negative ones (CTRL, arXiv:1909.05858); presence and frequency penalties are subtracted for tokens of the
/// answer; DRY's go next; the bias is added; banned tokens become impossible. Only the touched segments are summarised again.
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
        !request.bannedTokens.isEmpty || request.sampling.penalizes || !request.sampling.logitBias.isEmpty
            || request.sampling.dry.isOn || request.tokensMin > 0 || !request.bannedSequences.isEmpty
    }

    func apply(_ request: GenerationRequest, _ history: TokenHistory, to row: LogitRow) {
        let parameters = request.sampling
        for stage in parameters.leadingChanges {
            switch stage {
            case .penalties: penalize(parameters, history, row)
            case .dry: breakRepetitions(parameters.dry, history, row)
            case .temperature, .topNSigma, .topK, .typicalP, .topP, .minP, .xtc: break
            }
        }
        for (token, bias) in parameters.logitBias where 0..<row.count ~= Int(token) {
            change(Int(token), of: row) { $0 + bias }
        }
        for token in request.bannedTokens { ban(token, row) }
        if history.answer.count < request.tokensMin { for token in request.stopTokens { ban(token, row) } }
        for sequence in request.bannedSequences {
            guard let last = sequence.last, history.answer.ends(with: sequence.dropLast()) else { continue }
            ban(last, row)
        }
        summarize(row)
    }

    /// Changes the logits of a list of candidates instead, where a request wants that later than first.
    func apply(
        _ stage: SamplerStage, _ parameters: SamplingParameters, _ history: TokenHistory,
        tokens: UnsafePointer<UInt32>, logits: UnsafeMutablePointer<Float>, _ count: Int
    ) {
        if stage == .dry {
            guard parameters.dry.isOn else { return }
            let penalties = DryPenalty.penalties(after: history.tokens, parameters.dry)
            let penaltyOf = Dictionary(uniqueKeysWithValues: penalties.map { ($0.token, $0.penalty) })
            for place in 0..<count { logits[place] -= penaltyOf[TokenID(tokens[place])] ?? 0 }
        } else if parameters.penalizes {
            let repeated = note(history, parameters)
            for place in 0..<count {
                logits[place] = penalized(logits[place], Int(tokens[place]), parameters)
            }
            for token in [history.answer, repeated].joined() { forget(Int(token)) }
        }
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
        _ parameters: SamplingParameters, _ history: TokenHistory, _ row: LogitRow
    ) {
        guard parameters.penalizes else { return }
        let repeated = note(history, parameters)
        for token in [history.answer, repeated].joined()
        where answerCounts[Int(token)] > 0 || isRepeated[Int(token)] {
            change(Int(token), of: row) { penalized($0, Int(token), parameters) }
            // Each token once.
            forget(Int(token))
        }
    }

    /// Counts what the penalties are about.
    ///
    /// - Returns: the repetition penalty's window.
    private func note(_ history: TokenHistory, _ parameters: SamplingParameters) -> ArraySlice<TokenID> {
        let tokens = history.tokens
        let window = parameters.repetitionPenalty == 1 ? 0 : parameters.repetitionWindow ?? tokens.count
        let repeated = tokens.suffix(window)
        for token in history.answer { answerCounts[Int(token)] += 1 }
        for token in repeated { isRepeated[Int(token)] = true }
        return repeated
    }

    private func forget(_ token: Int) {
        answerCounts[token] = 0
        isRepeated[token] = false
    }

    private func penalized(_ logit: Float, _ token: Int, _ parameters: SamplingParameters) -> Float {
        let count = Float(answerCounts[token])
        let penalty = isRepeated[token] ? parameters.repetitionPenalty : 1
        return (logit > 0 ? logit / penalty : logit * penalty)
            - (count > 0 ? parameters.presencePenalty + count * parameters.frequencyPenalty : 0)
    }

    private func breakRepetitions(_ parameters: DryParameters, _ history: TokenHistory, _ row: LogitRow) {
        guard parameters.isOn else { return }
        for (token, penalty) in DryPenalty.penalties(after: history.tokens, parameters) {
            change(Int(token), of: row) { $0 - penalty }
        }
    }

    private func ban(_ token: TokenID, _ row: LogitRow) {
        guard 0..<row.count ~= Int(token) else { return }
        change(Int(token), of: row) { _ in -.infinity }
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

extension ArraySlice where Element: Equatable {
    fileprivate func ends(with other: ArraySlice) -> Bool { suffix(other.count) == other }
}
