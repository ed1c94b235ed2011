import Engine
import HTTP
import ModelFiles
import Tokenization

/// Answers a job by beam search (`use_beam_search`), whole.
final class BeamResponder<Encoder: AnswerEncoder>: Responder {
    private let job: GenerationJob
    private let fields: BeamFields
    private let encoder: Encoder

    init(_ job: GenerationJob, _ fields: BeamFields, encoder: Encoder) {
        self.job = job
        self.fields = fields
        self.encoder = encoder
    }

    func answer(on writer: ResponseWriter, _ register: RequestRegister) async throws(APIError) {
        let run = BeamRun(job.model.engine)
        writer.onClose { run.cancel() }
        let listed = job.registered { run.cancel() }
        let place = register.enter(listed)
        defer { register.leave(place) }
        var searches = job.requests.map { BeamSearch(parameters($0)) }
        var usage = Usage(promptTokens: job.requests.reduce(0) { $0 + $1.prompt.count })
        let salt = job.fields.usesPrefixCache ? job.fields.cacheSalt : job.id
        let deadline = job.fields.urgency.timeout.map { ContinuousClock.now.advanced(by: $0) }
        var isFirst = true
        while searches.contains(where: { !$0.isDone }) {
            var requests: [GenerationRequest] = []
            let open = searches.indices.filter { !searches[$0].isDone }
            for index in open {
                for beam in searches[index].running {
                    var request = try step(job.requests[index], beam, deadline)
                    request.cacheSalt = salt
                    requests.append(request)
                }
            }
            var found = try await found(requests, run, isFirst: isFirst)[...]
            if isFirst { usage.cachedTokens = found.reduce(0) { $0 + $1.cachedTokens } }
            for index in open {
                let count = searches[index].running.count
                searches[index].advance(found.prefix(count).map(\.candidates))
                found = found.dropFirst(count)
            }
            isFirst = false
            listed.isRunning.store(true, ordering: .relaxed)
            listed.completionTokens.wrappingAdd(open.count, ordering: .relaxed)
        }
        let answers = searches.flatMap { $0.best.prefix(job.fields.choiceCount).map { text(of: $0) } }
        usage.completionTokens = answers.reduce(0) { $0 + $1.tokens.count }
        writer.respond(.json(encoder.response(answers, usage: usage), headers: job.headers))
    }

    private func found(
        _ requests: [GenerationRequest], _ run: BeamRun, isFirst: Bool
    ) async throws(APIError) -> [BeamRun.Found] {
        do throws(APIError) {
            return try await run.step(requests, param: job.promptParam, mayWait: !isFirst)
        } catch {
            // The others are of no use any more.
            run.cancel()
            throw error
        }
    }

    private func parameters(_ request: GenerationRequest) -> BeamSearch.Parameters {
        BeamSearch.Parameters(
            width: job.fields.generatedCount, lengthPenalty: fields.lengthPenalty,
            stopsEarly: fields.stopsEarly,
            tokensMin: request.tokensMin, tokensMax: request.tokensMax, stopTokens: request.stopTokens,
            bannedTokens: request.bannedTokens)
    }

    /// One token behind a beam; which one is drawn does not matter.
    private func step(
        _ request: GenerationRequest, _ beam: BeamSearch.Beam, _ deadline: ContinuousClock.Instant?
    ) throws(APIError) -> GenerationRequest {
        var step = GenerationRequest(prompt: request.prompt + beam.tokens.map(\.token), tokensMax: 1)
        step.sampling.temperature = 0
        step.wantsLogprobs = true
        step.alternativeCount = BeamSearch.candidateCount(width: job.fields.generatedCount)
        step.priority = request.priority
        step.key = request.key
        if let deadline {
            let left = ContinuousClock.now.duration(to: deadline)
            guard left > .zero else { throw .deadlineExceeded }
            step.timeout = left
        }
        return step
    }

    private func text(of beam: BeamSearch.Beam) -> Answer {
        let shown = job.reading == nil ? [] : job.model.formatTokens.markers
        var detokenizer = IncrementalDetokenizer(
            job.model.tokenizer, special: job.fields.showsSpecial, shown: shown)
        var assembler = TextAssembler(stops: [])
        var reader = AnswerReader(job.reading)
        var answer = Answer(end: beam.last == nil ? .length : .stop)
        answer.add(TextDelta(parts: reader.opening))
        for token in beam.tokens {
            let piece = detokenizer.append(token.token)
            var token = token
            token.alternatives = Array(token.alternatives.prefix(fields.alternatives))
            var delta = assembler.append(token, piece: piece, isPartial: detokenizer.pendingBytes > 0)
            delta.parts = reader.read(delta.text)
            answer.add(delta)
        }
        var delta = assembler.finish(rest: detokenizer.finish(), last: beam.last)
        delta.parts = reader.read(delta.text) + reader.finish()
        answer.add(delta)
        if answer.end == .stop && reader.hasCalls { answer.end = .toolCalls }
        return answer
    }
}
