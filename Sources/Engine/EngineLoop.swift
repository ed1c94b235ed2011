import ModelFiles
import Models

/// What the engine's thread does: mail, plan, forward, draw, deliver; again.
///
/// It owns the model, the scheduler and the sampler; nothing of it is shared.
final class EngineLoop {
    private let mailbox: Mailbox
    private let board: StatusBoard
    private let metrics: EngineMetrics
    private let round: DeliveryRound
    private let model: any LanguageModel
    private let limits: EngineLimits
    private let scheduler: Scheduler
    private let sampler: Sampler
    /// Nil when nothing is drafted.
    private var speculator: Speculator?
    private var requests: [RequestID: LiveRequest] = [:]
    /// Requests with events in this step; may hold one twice.
    private var touched: [LiveRequest] = []
    /// Sizes of the requests that left the queue since the mailbox was last told.
    private var left: [RequestSize] = []
    private var pace = Pace()
    private var status = EngineStatus()

    /// The body of the engine's thread.
    static func main(
        configuration: EngineConfiguration, mailbox: Mailbox, board: StatusBoard, metrics: EngineMetrics,
        round: @escaping DeliveryRound, makeModel: @Sendable () throws -> any LanguageModel
    ) {
        do {
            let model = try makeModel()
            let limits = try EngineLimits(model: model, configuration: configuration)
            let loop = EngineLoop(
                model: model, limits: limits, speculation: configuration.speculation, mailbox: mailbox,
                board: board, metrics: metrics, round: round)
            loop.publishStatus()
            mailbox.started(limits)
            loop.run()
        } catch {
            mailbox.failed(error)
            return
        }
        mailbox.ended()
    }

    private init(
        model: any LanguageModel, limits: EngineLimits, speculation: Speculation, mailbox: Mailbox,
        board: StatusBoard, metrics: EngineMetrics, round: @escaping DeliveryRound
    ) {
        self.round = round
        self.model = model
        self.limits = limits
        self.mailbox = mailbox
        self.board = board
        self.metrics = metrics
        scheduler = Scheduler(limits.scheduler)
        sampler = Sampler(vocabularyCount: limits.vocabularyCount)
        speculator = speculation == .ngram ? Speculator() : nil
    }

    private func run() {
        var runs = true
        while runs {
            runs = takeMail()
            deliver()
            guard runs, !scheduler.isIdle else { continue }
            step(plan())
            deliver()
        }
    }
}

// MARK: - Mail

extension EngineLoop {
    /// - Returns: false when the engine shall end.
    private func takeMail() -> Bool {
        if scheduler.isIdle { metrics.round.end() }
        let mail = mailbox.take(pace: pace, isIdle: scheduler.isIdle)
        metrics.round.begin(at: MonotonicClock.now)
        for submission in mail.submissions {
            let request = LiveRequest(submission, metrics, stateWidth: limits.stateWidth)
            requests[submission.id] = request
            scheduler.enqueue(request.group)
        }
        for cancellation in mail.cancellations {
            guard let request = requests[cancellation.id] else { continue }
            let choices = request.group.live.filter {
                cancellation.choice == nil || cancellation.choice == $0.choice
            }
            // One choice alone is cancelled when its text came to a stop string.
            finish(choices, of: request, .cancelled, as: cancellation.choice == nil ? .cancelled : .stop)
        }
        for group in scheduler.expired(at: MonotonicClock.now) {
            guard let request = requests[group.id] else { continue }
            finish(group.live, of: request, .timeout)
        }
        switch mail.stop {
        case .none:
            return true
        case .drain:
            return !scheduler.isIdle
        case .now:
            for request in requests.values {
                finish(request.group.live, of: request, .failed("the engine was stopped"))
            }
            return false
        }
    }
}

// MARK: - Steps

extension EngineLoop {
    private func plan() -> StepPlan {
        var plan = scheduler.plan()
        speculator?.extend(&plan) { count, sequence in scheduler.reserve(drafts: count, for: sequence) }
        return plan
    }

    private func step(_ plan: StepPlan) {
        let started = MonotonicClock.now
        for group in plan.admitted {
            left.append(group.size)
            requests[group.id].map { touch($0).admitted(at: started) }
        }
        reportDepartures()
        perform(scheduler.takeOperations())
        let batch = batch(for: plan, startedAt: started)
        let logits = model.forward(batch)
        var plan = plan
        if let deadline = batch.deadline, deadline.isMissed {
            scheduler.leavePrompts(of: &plan, computedShare: deadline.computedShare)
            status.lateSteps += 1
        }
        reportProgress(plan)
        scheduler.complete(plan)
        perform(scheduler.takeOperations())
        draw(plan, logits: logits, computedAt: MonotonicClock.now)
        count(plan, nanoseconds: MonotonicClock.now - started)
    }

    /// Tells how far prompts were read with this step, and with the first one what was there before it.
    private func reportProgress(_ plan: StepPlan) {
        for slice in plan.slices {
            let group = slice.sequence.group
            guard group.request.wantsProgress, !group.isForked, let request = requests[group.id] else {
                continue
            }
            let end = slice.position + slice.count
            let cached = max(0, end - group.promptColumns)
            if group.promptColumns == slice.count {
                touch(request).progress(processed: cached, cachedTokens: cached)
            }
            touch(request).progress(processed: end, cachedTokens: cached)
        }
    }

    private func perform(_ operations: [BlockOperation]) {
        for operation in operations {
            switch operation {
            case .copy(let group, let source, let destination, let tokens):
                model.copyBlock(group, from: source, to: destination, tokens: tokens)
            case .discard(let group, let block):
                model.discardBlock(group, block)
            }
        }
    }

    private func batch(for plan: StepPlan, startedAt start: UInt64) -> StepBatch {
        var batch = StepBatch()
        if plan.mayLeavePrompts {
            let (expected, latest) = scheduler.bounds(plan)
            batch.deadline = StepDeadline(
                keptSlices: plan.decodingSliceCount, now: { MonotonicClock.now }, start: start,
                expected: expected * 1e9, latest: latest * 1e9)
        }
        batch.tokens.reserveCapacity(plan.work.columns)
        batch.slices.reserveCapacity(plan.slices.count)
        for slice in plan.slices {
            let start = batch.tokens.count
            let known = slice.count - slice.drafts.count
            batch.tokens += slice.sequence.tokens[slice.position..<slice.position + known]
            batch.tokens += slice.drafts
            batch.slices.append(
                StepBatch.Slice(
                    start: start, count: slice.count, position: slice.position,
                    blocks: slice.sequence.table.blocks, windowBlocks: slice.sequence.table.windowBlocks))
            if let pooling = slice.sequence.group.pooling, !slice.statePositions.isEmpty {
                let first = start + slice.statePositions.lowerBound - slice.position
                batch.sums.append(
                    StepBatch.Sum(
                        columns: first..<first + slice.statePositions.count, states: pooling.sum))
            }
            for position in slice.promptPositions {
                batch.outputs.append(
                    StepBatch.Output(column: start + position - slice.position, wantsTotal: true))
            }
            for column in start + known - 1..<start + known - 1 + slice.outputCount {
                batch.outputs.append(
                    Sampler.output(
                        column: column, for: slice.sequence.group.request,
                        vocabularyCount: limits.vocabularyCount))
            }
        }
        return batch
    }

    /// Draws the next tokens of all sequences whose last column was in the plan.
    private func draw(_ plan: StepPlan, logits: Logits, computedAt: UInt64) {
        var output = 0
        for slice in plan.slices {
            let promptRows = output
            let first = output + slice.promptPositions.count
            output = first + slice.outputCount
            reportPrompt(slice, logits, firstOutput: promptRows)
            slice.sequence.group.pooling?.added(slice.statePositions)
            guard slice.reachesEnd else { continue }
            guard let request = requests[slice.sequence.group.id] else { continue }
            let readsPrompt = slice.sequence.answerCount == 0
            if readsPrompt {
                touch(request).promptRead(at: computedAt)
                status.cachedTokens += request.group.cachedTokens
                status.readTokens += request.group.size.promptCount
                if request.group.request.usesPrefixCache {
                    status.queriedTokens += request.group.size.promptCount
                }
            }
            guard slice.drawsNext else {
                finishPrompt(of: request)
                continue
            }
            let mark = request.eventCount
            // The prompt's last column serves every choice.
            for sequence in readsPrompt ? request.group.live : [slice.sequence] {
                drawNext(of: sequence, of: request, from: logits[first])
                request.gotTokens(choice: sequence.choice, at: computedAt)
            }
            guard !slice.drafts.isEmpty else { continue }
            let accepted = confirm(slice, of: request, logits, firstOutput: first)
            // Said before the tokens, because nothing may follow an answer's end.
            request.drafted(slice.drafts.count, accepted: accepted, choice: slice.sequence.choice, at: mark)
        }
    }

    /// Tells how likely the prompt's tokens were that follow a slice's columns.
    private func reportPrompt(_ slice: StepPlan.Slice, _ logits: Logits, firstOutput: Int) {
        let group = slice.sequence.group
        guard !slice.promptPositions.isEmpty, let request = requests[group.id] else { return }
        var tokens: [PromptToken] = []
        do throws(SamplingError) {
            for (place, position) in slice.promptPositions.enumerated() {
                tokens.append(
                    try sampler.likelihood(
                        of: group.request.prompt[position + 1], in: logits[firstOutput + place],
                        alternatives: group.request.promptAlternatives ?? 0))
            }
        } catch {
            finish(group.live, of: request, .failed(error.message))
            return
        }
        group.promptTokensReported = slice.promptPositions.upperBound + 1
        touch(request).readPrompt(tokens)
    }

    /// Ends a request that only reads its prompt.
    private func finishPrompt(of request: LiveRequest) {
        if let pooling = request.group.pooling {
            guard let embedding = pooling.embedding else {
                finish(request.group.live, of: request, .failed("the model's states are not numbers"))
                return
            }
            touch(request).embedded(embedding)
        }
        finish(request.group.live, of: request, .length)
    }

    /// Goes on drawing from the columns of a slice's drafts, as long as they are what was drawn.
    ///
    /// - Returns: how many were.
    private func confirm(
        _ slice: StepPlan.Slice, of request: LiveRequest, _ logits: Logits, firstOutput: Int
    ) -> Int {
        let sequence = slice.sequence
        var accepted = 0
        while accepted < slice.drafts.count, sequence.phase == .decoding,
            sequence.tokens.last == slice.drafts[accepted]
        {
            accepted += 1
            scheduler.acceptDraft(of: sequence)
            drawNext(of: sequence, of: request, from: logits[firstOutput + accepted])
        }
        status.draftedTokens += slice.drafts.count
        status.acceptedTokens += accepted
        return accepted
    }

    private func drawNext(of sequence: Sequence, of request: LiveRequest, from row: LogitRow) {
        let chances = request.random[sequence.choice].chances(position: sequence.answerCount)
        do throws(SamplingError) {
            let sampled = try sampler.sample(
                row, for: request.group.request, after: sequence.history, chances: chances,
                state: &sequence.sampling)
            status.generatedTokens += 1
            if request.group.request.stopTokens.contains(sampled.token) {
                if request.group.request.reportsStopToken {
                    touch(request).drew(sampled, choice: sequence.choice)
                }
                finish([sequence], of: request, .stopToken(sampled.token))
                return
            }
            scheduler.append(sampled.token, to: sequence)
            touch(request).drew(sampled, choice: sequence.choice)
            if sequence.answerCount == request.group.size.answerMax {
                finish([sequence], of: request, .length)
            } else if request.group.request.shiftsContext, sequence.tokens.count >= limits.contextLength {
                let shift = ContextShift(of: sequence.tokens.count)
                scheduler.shift(sequence, shift)
                touch(request).shifted(shift.dropped, choice: sequence.choice)
            }
        } catch {
            finish([sequence], of: request, .failed(error.message))
        }
    }

    /// - Parameter ending: As what it is counted; nil takes the reason.
    private func finish(
        _ sequences: [Sequence], of request: LiveRequest, _ reason: FinishReason,
        as ending: EngineMetrics.Ending? = nil
    ) {
        let now = MonotonicClock.now
        for sequence in sequences {
            let wasWaiting = sequence.phase == .waiting
            if sequence.phase == .decoding {
                pace.observeAnswer(tokens: sequence.answerCount, allowed: request.group.size.answerMax)
            }
            scheduler.finish(sequence)
            metrics.ended(ending ?? EngineMetrics.Ending(reason))
            touch(request).finished(choice: sequence.choice, reason, at: now)
            guard request.group.leader == nil else { continue }
            if wasWaiting { left.append(request.group.size) }
            requests[request.group.id] = nil
        }
    }

    private func count(_ plan: StepPlan, nanoseconds: UInt64) {
        let seconds = Double(nanoseconds) * 1e-9
        metrics.step.observe(nanoseconds: nanoseconds)
        speculator?.observe(plan, seconds: seconds)
        scheduler.observe(plan, seconds: seconds)
        pace.observeStep(columns: plan.work.columns, seconds: seconds)
        status.steps += 1
        status.promptTokens += plan.prefillColumnCount
    }

    @discardableResult
    private func touch(_ request: LiveRequest) -> LiveRequest {
        touched.append(request)
        return request
    }

    /// A place in the queue is free from the moment of admission, not from the end of the step.
    private func reportDepartures() {
        guard !left.isEmpty else { return }
        mailbox.leave(left)
        left.removeAll(keepingCapacity: true)
    }

    /// One call of each sink for all of its events.
    private func deliver() {
        reportDepartures()
        publishStatus()
        guard !touched.isEmpty else { return }
        round { for request in touched { request.deliver() } }
        touched.removeAll(keepingCapacity: true)
    }

    private func publishStatus() {
        status.sequencesRunning = scheduler.sequencesRunning
        status.sequencesPaused = scheduler.paused.count
        status.pauses = scheduler.pauseCount
        let memory = scheduler.cache.memory
        status.blocksFree = memory.full.freeCount
        status.blocksKept = memory.full.keptCount
        status.blockCount = memory.full.blockCount
        status.windowBlocksFree = memory.window?.freeCount ?? 0
        status.windowBlocksKept = memory.window?.keptCount ?? 0
        status.windowBlockCount = memory.window?.blockCount ?? 0
        status.memoryBytes = memory.geometry.budgetBytes
        status.memoryFreeBytes = memory.freeBytes
        board.publish(status)
    }
}
