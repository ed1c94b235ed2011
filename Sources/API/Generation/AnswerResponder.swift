import HTTP
import JSON

/// Runs one job and answers it, whole or as a stream.
///
/// The head of a stream goes out when the engine has taken the request into its queue, not before: an error until then
/// is a plain HTTP error. From then on the connection says something every few seconds, however long the queue is, so
/// that proxies and clients don't give up; a later error is an event `{"error":…}`, after which the stream ends without
/// `[DONE]`. When the client goes away, the engine is told at once.
final class AnswerResponder<Encoder: AnswerEncoder>: Responder {
    let job: GenerationJob
    let wantsLogprobs: Bool
    var encoder: Encoder
    private var answers: AnswerSet
    /// Tokens of answers that the stream has told of: `answers` may be ahead of it.
    private var sentTokens = 0
    /// What streams write into, over and over; without memory while they wait.
    private var json = JSONWriter()

    init(_ job: GenerationJob, wantsLogprobs: Bool, encoder: Encoder) {
        self.job = job
        self.wantsLogprobs = wantsLogprobs
        self.encoder = encoder
        answers = AnswerSet(job)
    }

    func answer(on writer: ResponseWriter, _ register: RequestRegister) async throws(APIError) {
        let (running, listed) = try begin(writer)
        let place = register.enter(listed)
        defer { register.leave(place) }
        do throws(APIError) {
            if job.fields.streams {
                await withTaskExecutorPreference(executor(of: writer)) {
                    await stream(running, listed, to: writer)
                }
            } else {
                let whole = try await withTaskExecutorPreference(executor(of: writer)) {
                    () async throws(APIError) in try await gather(running, listed)
                }
                respond(whole, to: writer)
            }
        } catch {
            // The other answers of the request are of no use any more.
            running.cancel()
            throw error
        }
    }

    @inline(never)
    private func begin(_ writer: ResponseWriter) throws(APIError) -> (RunningGeneration, RegisteredRequest) {
        let running = try RunningGeneration(job)
        writer.onClose { running.cancel() }
        return (running, job.registered { running.cancel() })
    }

    /// Where the engine's events are taken: on the connection's loop, to which tokens go anyway. Prompts' tokens come by
    /// the thousand, and would hold up its other connections.
    private func executor(of writer: ResponseWriter) -> (any TaskExecutor)? {
        job.requests.contains { $0.promptAlternatives != nil } ? nil : writer.executor
    }

    private func tell(_ listed: RegisteredRequest) {
        listed.isRunning.store(answers.isAdmitted, ordering: .relaxed)
        listed.completionTokens.store(answers.usage.completionTokens, ordering: .relaxed)
    }

    // MARK: - Whole

    private func gather(
        _ running: RunningGeneration, _ listed: RegisteredRequest
    ) async throws(APIError) -> [Answer] {
        var whole = Array(repeating: Answer(), count: answers.count)
        var groups: [EventMailbox.Group] = []
        var events: [AnswerEvent] = []
        while !answers.isComplete {
            await running.mailbox.next(&groups)
            events.removeAll(keepingCapacity: true)
            for group in groups { answers.take(group, into: &events) }
            for event in events {
                switch event {
                case .admitted, .progress: break
                case .prompt(let prompt, let tokens): encoder.addPrompt(prompt, tokens)
                case .delta(let choice, let delta): whole[choice].add(delta)
                case .finished(let choice, let end, let delta):
                    whole[choice].add(delta)
                    whole[choice].end = end
                    if delta.isStopped { running.cancel(answer: choice) }
                case .failed(let why): throw .internalFailure(why)
                case .timedOut: throw .deadlineExceeded
                case .cancelled: throw .cancelled
                }
            }
            tell(listed)
        }
        return whole
    }

    private func respond(_ whole: [Answer], to writer: ResponseWriter) {
        if job.fields.returnsTimings { encoder.extras.timings = answers.timings(answers.usage) }
        let best = job.fields.bestOf == nil ? whole : likeliest(of: whole)
        writer.respond(.json(encoder.response(best, usage: answers.usage), headers: job.headers))
    }

    /// Of the answers to each prompt the ones with the largest mean log-probability of a token, best first.
    private func likeliest(of whole: [Answer]) -> [Answer] {
        let count = job.fields.generatedCount
        return stride(from: 0, to: whole.count, by: count).flatMap { first in
            whole[first..<first + count].enumerated()
                .sorted { ($1.element.meanLogprob, $0.offset) < ($0.element.meanLogprob, $1.offset) }
                .prefix(job.fields.choiceCount).map(\.element)
        }
    }

    // MARK: - Streamed

    /// A client that reads more slowly than tokens come holds up its own stream only: from the high-water mark on
    /// nothing is written until it has caught up, and what gathered meanwhile goes in few, long events. The sequence
    /// itself is not paused: it would hold its KV memory for as long as the client likes, and what can gather is
    /// bounded by the tokens that the request may generate.
    private func stream(
        _ running: RunningGeneration, _ listed: RegisteredRequest, to writer: ResponseWriter
    ) async {
        writer.beginEventStream(headers: job.headers)
        do throws(APIError) {
            var isBehind = false
            var groups: [EventMailbox.Group] = []
            var events: [AnswerEvent] = []
            while !answers.isComplete {
                await running.mailbox.next(&groups)
                events.removeAll(keepingCapacity: true)
                for group in groups { answers.take(group, into: &events) }
                tell(listed)
                if isBehind { events = AnswerEvent.merged(events) }
                isBehind = false
                for event in events {
                    if writer.isBackedUp {
                        isBehind = true
                        await writer.waitUntilFlowing()
                    }
                    try send(event, running, to: writer)
                }
            }
        } catch {
            running.cancel()
            writer.writeEvent(data: error.encoded)
            writer.finish()
            return
        }
        if job.fields.streamsUsage {
            note(sent: 0)
            encoder.usage(answers.usage, into: &json)
            writer.writeEvent(data: json.bytes)
        }
        writer.writeEvent(data: Array("[DONE]".utf8))
        writer.finish()
    }

    private func send(
        _ event: AnswerEvent, _ running: RunningGeneration, to writer: ResponseWriter
    ) throws(APIError) {
        note(sent: 0)
        switch event {
        case .admitted:
            for choice in 0..<answers.count where encoder.opening(choice: choice, into: &json) {
                writer.writeEvent(data: json.bytes)
            }
        case .progress(let prompt, let progress):
            encoder.progress(progress, prompt: prompt, into: &json)
            writer.writeEvent(data: json.bytes)
        case .prompt(let prompt, let tokens): encoder.addPrompt(prompt, tokens)
        case .delta(let choice, let delta):
            note(sent: delta.tokens.count)
            send(delta, of: choice, to: writer)
        case .finished(let choice, let end, var delta):
            if delta.isStopped { running.cancel(answer: choice) }
            let unshown = delta.tokens.filter { !$0.isShown }
            delta.tokens.removeAll { !$0.isShown }
            note(sent: delta.tokens.count)
            send(delta, of: choice, to: writer)
            note(sent: unshown.count)
            encoder.closing(choice: choice, end: end, tokens: unshown, into: &json)
            writer.writeEvent(data: json.bytes)
        case .failed(let why): throw .internalFailure(why)
        case .timedOut: throw .deadlineExceeded
        case .cancelled: throw .cancelled
        }
    }

    /// What the next chunk says beside its text, if that has so many tokens.
    private func note(sent count: Int) {
        sentTokens += count
        guard job.fields.streamsUsageInChunks || job.fields.returnsTimings else { return }
        var usage = answers.usage
        usage.completionTokens = sentTokens
        if job.fields.streamsUsageInChunks { encoder.extras.usage = usage }
        if job.fields.returnsTimings { encoder.extras.timings = answers.timings(usage) }
    }

    private func send(_ delta: TextDelta, of choice: Int, to writer: ResponseWriter) {
        let showsTokens = (wantsLogprobs || job.fields.returnsTokenIDs) && !delta.tokens.isEmpty
        // Tokens whose text is held go out without text.
        let parts = delta.parts.isEmpty && showsTokens ? [.content([])] : delta.parts
        for (index, part) in parts.enumerated() {
            encoder.chunk(choice: choice, part: part, tokens: index == 0 ? delta.tokens : [], into: &json)
            writer.writeEvent(data: json.bytes)
        }
    }
}

extension Answer {
    /// Of the tokens that have one; the least when there are none.
    var meanLogprob: Double {
        let logprobs = tokens.compactMap(\.logprob).map(Double.init)
        return logprobs.isEmpty ? -.infinity : logprobs.reduce(0, +) / Double(logprobs.count)
    }

    mutating func add(_ delta: TextDelta) {
        tokens += delta.tokens
        for part in delta.parts {
            switch part {
            case .content(let bytes): text += bytes
            case .reasoning(let bytes): reasoning += bytes
            case .call(_, let id, let name): calls.append(AnswerCall(id: id, name: name))
            case .arguments(let index, let bytes):
                if calls.indices.contains(index) { calls[index].arguments += bytes }
            }
        }
    }
}
