import Engine
import ModelFiles
import Tokenization

/// The text side of a request: all answers to all of its prompts, from engine events to what the client hears.
/// Answer j to prompt i has index i · n + j, where n counts those of which the best are given too.
struct AnswerSet {
    private struct Answer {
        var detokenizer: IncrementalDetokenizer
        var assembler: TextAssembler
        var reader: AnswerReader
        var end: AnswerEnd?
    }

    private(set) var usage: Usage
    private var clock = AnswerClock()
    private let promptCounts: [Int]
    private var answers: [Answer]
    private let choicesPerPrompt: Int
    /// The first prompt has left the queue.
    private(set) var isAdmitted = false
    private var unfinishedCount: Int
    /// The token that ended an answer has come with the others.
    private let includesStop: Bool

    init(_ job: GenerationJob) {
        includesStop = job.fields.includesStop
        choicesPerPrompt = job.fields.generatedCount
        unfinishedCount = job.requests.count * choicesPerPrompt
        promptCounts = job.requests.map(\.prompt.count)
        usage = Usage(promptTokens: promptCounts.reduce(0, +))
        usage.truncatedTokens = job.truncatedTokens
        usage.droppedMessages = job.droppedMessages
        let shown = job.reading == nil ? [] : job.model.formatTokens.markers
        answers = (0..<unfinishedCount).map { _ in
            Answer(
                detokenizer: IncrementalDetokenizer(
                    job.model.tokenizer, special: job.fields.showsSpecial, shown: shown),
                assembler: TextAssembler(
                    stops: job.fields.stops, includesStop: job.fields.includesStop,
                    tokensMin: job.fields.tokensMin),
                reader: AnswerReader(job.reading))
        }
    }

    /// Where the time went so far.
    func timings(_ usage: Usage, at now: ContinuousClock.Instant = .now) -> AnswerTimings {
        clock.timings(usage, at: now)
    }

    /// Every answer has ended.
    var isComplete: Bool { unfinishedCount == 0 }
    var count: Int { answers.count }

    /// - Parameters:
    ///   - now: when the events came.
    ///   - heard: what they come to is added there.
    mutating func take(
        _ group: EventMailbox.Group, at now: ContinuousClock.Instant = .now, into heard: inout [AnswerEvent]
    ) {
        clock.note(group.events, at: now)
        for event in group.events {
            switch event {
            case .prefilled(let cachedTokens): usage.cachedTokens += cachedTokens
            case .admitted:
                if !isAdmitted { admit(&heard) }
                isAdmitted = true
            case .progress(let processed, let cached):
                let total = promptCounts[group.prompt]
                heard.append(
                    .progress(
                        group.prompt,
                        PromptProgress(
                            total: total, cached: cached, processed: processed,
                            milliseconds: clock.milliseconds(at: now))))
            case .promptTokens(let tokens): heard.append(.prompt(group.prompt, tokens))
            case .token(let choice, let token, let logprob, let alternatives):
                let drawn = AnswerToken(token: token, logprob: logprob, alternatives: alternatives)
                append(drawn, to: group.prompt * choicesPerPrompt + choice, &heard)
            case .drafted(_, let count, let acceptedCount):
                usage.acceptedTokens += acceptedCount
                usage.rejectedTokens += count - acceptedCount
            case .shifted(_, let count): usage.shiftedTokens += count
            case .finished(let choice, let reason):
                finish(group.prompt * choicesPerPrompt + choice, reason, &heard)
            case .embedding, .ended: break
            }
        }
    }

    private func admit(_ heard: inout [AnswerEvent]) {
        heard.append(.admitted)
        // What the prompt forced is the beginning of the answers.
        for (index, answer) in answers.enumerated() where !answer.reader.opening.isEmpty {
            heard.append(.delta(choice: index, TextDelta(parts: answer.reader.opening)))
        }
    }

    private mutating func append(_ token: AnswerToken, to index: Int, _ heard: inout [AnswerEvent]) {
        // The engine may draw a few more tokens before it hears that a stop string ended the answer.
        guard answers[index].end == nil else { return }
        usage.completionTokens += 1
        if answers[index].reader.isInReasoning { usage.reasoningTokens += 1 }
        let piece = answers[index].detokenizer.append(token.token)
        let isPartial = answers[index].detokenizer.pendingBytes > 0
        var delta = answers[index].assembler.append(token, piece: piece, isPartial: isPartial)
        delta.parts = answers[index].reader.read(delta.text)
        if delta.isStopped || answers[index].reader.isComplete {
            delta.isStopped = true
            delta.parts += answers[index].reader.finish()
            let reason = end(index, .stop)
            heard.append(.finished(choice: index, reason, delta: delta))
        } else if !delta.isEmpty {
            heard.append(.delta(choice: index, delta))
        }
    }

    private mutating func finish(_ index: Int, _ reason: FinishReason, _ heard: inout [AnswerEvent]) {
        guard answers[index].end == nil else { return }
        switch reason {
        case .stopToken where includesStop: close(index, .stop, last: nil, &heard)
        case .stopToken(let token):
            usage.completionTokens += 1
            close(index, .stop, last: token, &heard)
        case .length: close(index, .length, last: nil, &heard)
        case .timeout where usage.completionTokens == 0: heard.append(.timedOut)
        case .timeout: close(index, .length, last: nil, &heard)
        case .cancelled: heard.append(.cancelled)
        case .failed(let why): heard.append(.failed(why))
        }
    }

    private mutating func close(
        _ index: Int, _ reason: AnswerEnd, last: TokenID?, _ heard: inout [AnswerEvent]
    ) {
        let rest = answers[index].detokenizer.finish()
        var delta = answers[index].assembler.finish(rest: rest, last: last)
        delta.parts = answers[index].reader.read(delta.text)
        delta.parts += answers[index].reader.finish()
        // The text that the detokenizer still held may complete a stop string.
        let ending = end(index, delta.isStopped ? .stop : reason)
        heard.append(.finished(choice: index, ending, delta: delta))
    }

    /// An answer that ended by itself and has calls waits for their results.
    private mutating func end(_ index: Int, _ reason: AnswerEnd) -> AnswerEnd {
        let ending = reason == .stop && answers[index].reader.hasCalls ? .toolCalls : reason
        answers[index].end = ending
        unfinishedCount -= 1
        return ending
    }
}
