import HTTP
import JSON

/// Runs one job and answers it, whole or as a stream.
///
/// The head of a stream goes out when the engine has taken the request into its queue, not before: an error until then
/// is a plain HTTP error. From then on the connection says something every few seconds, however long the queue is, so
/// that proxies and clients don't give up; a later error is an event `{"error":…}`, after which the stream ends without
/// `[DONE]`. When the client goes away, the engine is told at once.
struct AnswerResponder<Encoder: AnswerEncoder> {
    let job: GenerationJob
    let wantsLogprobs: Bool
    var encoder: Encoder
    private var answers: AnswerSet
    /// What streams write into, over and over.
    private var json = JSONWriter(reservingCapacity: 512)

    init(_ job: GenerationJob, wantsLogprobs: Bool, encoder: Encoder) {
        self.job = job
        self.wantsLogprobs = wantsLogprobs
        self.encoder = encoder
        answers = AnswerSet(job)
    }

    mutating func answer(on writer: ResponseWriter) async throws(APIError) {
        let running = try RunningGeneration(job)
        writer.onClose { running.cancel() }
        do throws(APIError) {
            if job.fields.streams {
                await stream(running, to: writer)
            } else {
                try await respond(running, to: writer)
            }
        } catch {
            // The other answers of the request are of no use any more.
            running.cancel()
            throw error
        }
    }

    private var headers: HTTPFields {
        guard let ignored = job.fields.ignored.headerValue else { return [:] }
        return ["x-apus-ignored": ignored]
    }

    // MARK: - Whole

    private mutating func respond(_ running: RunningGeneration, to writer: ResponseWriter)
        async throws(APIError)
    {
        var whole = Array(repeating: Answer(), count: answers.count)
        while !answers.isComplete {
            for group in await running.mailbox.next() {
                for event in answers.take(group) {
                    switch event {
                    case .admitted: break
                    case .delta(let choice, let delta): whole[choice].add(delta)
                    case .finished(let choice, let end, let delta):
                        whole[choice].add(delta)
                        whole[choice].end = end
                        if delta.isStopped { running.cancel(answer: choice) }
                    case .failed(let why): throw .internalFailure(why)
                    case .timedOut: throw .deadlineExceeded
                    case .cancelled: throw .unavailable("The request was cancelled.")
                    }
                }
            }
        }
        writer.respond(.json(encoder.response(whole, usage: answers.usage), headers: headers))
    }

    // MARK: - Streamed

    private mutating func stream(_ running: RunningGeneration, to writer: ResponseWriter) async {
        writer.beginEventStream(headers: headers)
        do throws(APIError) {
            while !answers.isComplete {
                for group in await running.mailbox.next() {
                    for event in answers.take(group) { try send(event, running, to: writer) }
                }
            }
        } catch {
            running.cancel()
            writer.writeEvent(data: error.encoded)
            writer.finish()
            return
        }
        if job.fields.streamsUsage {
            encoder.usage(answers.usage, into: &json)
            writer.writeEvent(data: json.bytes)
        }
        writer.writeEvent(data: Array("[DONE]".utf8))
        writer.finish()
    }

    private mutating func send(
        _ event: AnswerEvent, _ running: RunningGeneration, to writer: ResponseWriter
    ) throws(APIError) {
        switch event {
        case .admitted:
            for choice in 0..<answers.count where encoder.opening(choice: choice, into: &json) {
                writer.writeEvent(data: json.bytes)
            }
        case .delta(let choice, let delta): send(delta, of: choice, to: writer)
        case .finished(let choice, let end, var delta):
            if delta.isStopped { running.cancel(answer: choice) }
            let unshown = delta.tokens.filter { !$0.isShown }
            delta.tokens.removeAll { !$0.isShown }
            send(delta, of: choice, to: writer)
            encoder.closing(choice: choice, end: end, tokens: unshown, into: &json)
            writer.writeEvent(data: json.bytes)
        case .failed(let why): throw .internalFailure(why)
        case .timedOut: throw .deadlineExceeded
        case .cancelled: throw .unavailable("The request was cancelled.")
        }
    }

    private mutating func send(_ delta: TextDelta, of choice: Int, to writer: ResponseWriter) {
        let showsTokens = (wantsLogprobs || job.fields.returnsTokenIDs) && !delta.tokens.isEmpty
        guard !delta.text.isEmpty || showsTokens else { return }
        encoder.chunk(choice: choice, delta: delta, into: &json)
        writer.writeEvent(data: json.bytes)
    }
}

extension Answer {
    mutating func add(_ delta: TextDelta) {
        text += delta.text
        tokens += delta.tokens
    }
}
