import Models

/// What bounds a request: facts of the model, and the configuration. All counts are tokens unless named.
struct EngineLimits: Sendable, Equatable {
    var vocabularyCount: Int
    /// Positions a sequence may have: the model's context, or all of the KV memory if that is less.
    var contextLength: Int
    /// The model's context alone.
    private let modelContextLength: Int
    var kvGeometry: KVGeometry
    /// Numbers of an embedding.
    var stateWidth: Int
    var scheduler: SchedulerLimits

    init(model: any LanguageModel, configuration: EngineConfiguration) throws(EngineError) {
        let counts: [(String, Int)] = [
            ("vocabulary tokens", model.vocabularyCount), ("context positions", model.contextLength),
            ("columns in a step", model.columnsMax), ("numbers in a state", model.stateWidth),
            ("KV blocks", model.kvGeometry.blockCount),
            ("queue places", configuration.queueMax), ("queued tokens", configuration.queueTokensMax),
            ("sequences at once", configuration.sequencesMax),
            ("columns of a chunk", configuration.chunkColumnsMax ?? 1),
        ]
        for (name, count) in counts where count < 1 || count > Int(Int32.max) {
            throw .unusable("the number of \(name) is \(count); it must be 1 to \(Int32.max)")
        }
        guard configuration.interTokenBudget > .zero else {
            throw .unusable("the time between two tokens is \(configuration.interTokenBudget)")
        }
        vocabularyCount = model.vocabularyCount
        kvGeometry = model.kvGeometry
        stateWidth = model.stateWidth
        modelContextLength = model.contextLength
        contextLength = min(model.contextLength, kvGeometry.positionsMax)
        scheduler = SchedulerLimits(
            columnsMax: model.columnsMax, sequencesMax: min(configuration.sequencesMax, model.columnsMax),
            kv: kvGeometry, chunkColumnsMax: configuration.chunkColumnsMax ?? .max,
            interTokenSeconds: configuration.interTokenBudget.inSeconds)
    }

    /// Checks a request and says what it takes at most.
    func size(of request: GenerationRequest) throws(AdmissionError) -> RequestSize {
        try checkTokens(request)
        try checkSampling(request)
        let promptCount = request.prompt.count
        // An answer needs room for at least one token.
        let positions = promptCount + min(request.tokensMax, 1)
        guard positions <= modelContextLength else {
            throw .contextExceeded(prompt: promptCount, context: contextLength)
        }
        // One choice has to fit; more of them take turns.
        guard positions <= contextLength else {
            throw .memoryExceeded(
                neededBytes: kvGeometry.bytes(positions: positions), budgetBytes: kvGeometry.budgetBytes)
        }
        return RequestSize(
            promptCount: promptCount,
            answerMax: request.shiftsContext
                ? request.tokensMax : min(request.tokensMax, contextLength - promptCount),
            choiceCount: request.choiceCount, contextLength: contextLength)
    }

    private func checkTokens(_ request: GenerationRequest) throws(AdmissionError) {
        guard !request.prompt.isEmpty else {
            throw .invalid("the prompt has no tokens; at least one is needed")
        }
        for (index, token) in request.prompt.enumerated() where token < 0 || token >= vocabularyCount {
            throw .invalid("prompt token \(index) is \(token); token ids are 0 to \(vocabularyCount - 1)")
        }
        guard request.tokensMax >= 0 else {
            throw .invalid("the most new tokens is \(request.tokensMax); it must be 0 or more")
        }
        guard 1...scheduler.sequencesMax ~= request.choiceCount else {
            throw .invalid(
                "\(request.choiceCount) choices were asked for; 1 to \(scheduler.sequencesMax) are possible")
        }
        if request.pooling != nil {
            guard request.tokensMax == 0, request.choiceCount == 1, request.promptAlternatives == nil else {
                throw .invalid("a request that embeds has one choice and gives neither tokens nor logits")
            }
        }
        guard GenerationRequest.priorityRange ~= request.priority else {
            throw .invalid("the priority is \(request.priority); it must be -1000 to 1000")
        }
        if let timeout = request.timeout, timeout <= .zero {
            throw .invalid("the timeout is \(timeout); it must be more than nothing")
        }
    }

    private func checkSampling(_ request: GenerationRequest) throws(AdmissionError) {
        if let fault = request.sampling.fault { throw .invalid(fault) }
        guard 0...Int(Int32.max) ~= request.tokensMin else {
            throw .invalid("the least new tokens is \(request.tokensMin); it must be 0 or more")
        }
        guard request.bannedSequences.allSatisfy({ !$0.isEmpty }) else {
            throw .invalid("a run of banned tokens is empty")
        }
        let alternatives = max(request.alternativeCount, request.promptAlternatives ?? 0)
        guard min(request.alternativeCount, request.promptAlternatives ?? 0) >= 0,
            alternatives <= Sampler.alternativesMax
        else {
            throw .invalid(
                "\(alternatives) alternatives were asked for; "
                    + "0 to \(Sampler.alternativesMax) are possible"
            )
        }
    }
}
