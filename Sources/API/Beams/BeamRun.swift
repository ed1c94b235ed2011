import Engine
import ModelFiles
import Synchronization

/// The steps of a beam search in the engine: a request for one token behind each beam. What the beams have in common
/// the prefix cache has.
final class BeamRun: Sendable {
    /// What one request of a step brought.
    struct Found: Sendable {
        var candidates: [TokenLogprob] = []
        var cachedTokens = 0
    }

    /// How long a step waits for a place in the queue when others were faster, between tries and in all.
    private static let retryPause = Duration.milliseconds(20)
    private static let retriesMax = 500

    private struct State {
        var generations: [any Generation] = []
        var isCancelled = false
    }

    private let engine: any GenerationEngine
    private let state = Mutex(State())

    init(_ engine: any GenerationEngine) {
        self.engine = engine
    }

    /// Ends the step that runs, and every one that would begin.
    func cancel() {
        let running = state.withLock { state in
            state.isCancelled = true
            return state.generations
        }
        for generation in running { generation.cancel() }
    }

    /// - Parameter mayWait: the queue was passed before, so that a full one is no reason to give up.
    func step(_ requests: [GenerationRequest], param: String, mayWait: Bool) async throws(APIError) -> [Found]
    {
        let mailbox = EventMailbox()
        for (index, request) in requests.enumerated() {
            let generation = try await submit(request, index, mailbox, param: param, mayWait: mayWait)
            let isCancelled = state.withLock { state in
                state.generations.append(generation)
                return state.isCancelled
            }
            if isCancelled { generation.cancel() }
        }
        defer { state.withLock { $0.generations = [] } }
        var found = Array(repeating: Found(), count: requests.count)
        var left = requests.count
        var groups: [EventMailbox.Group] = []
        while left > 0 {
            await mailbox.next(&groups)
            for group in groups {
                for event in group.events { left -= try take(event, &found[group.prompt]) ? 1 : 0 }
            }
        }
        return found
    }

    private func submit(
        _ request: GenerationRequest, _ index: Int, _ mailbox: EventMailbox, param: String, mayWait: Bool
    ) async throws(APIError) -> any Generation {
        var retries = 0
        while true {
            do throws(AdmissionError) {
                return try engine.submit(request) { events in
                    mailbox.post(EventMailbox.Group(prompt: index, events: events))
                }
            } catch {
                let isCancelled = state.withLock { $0.isCancelled }
                guard case .queueFull = error, mayWait || index > 0, retries < Self.retriesMax, !isCancelled
                else {
                    cancel()
                    throw APIError(error, param: param)
                }
                retries += 1
                try? await Task.sleep(for: Self.retryPause)
            }
        }
    }

    /// - Returns: whether it was the request's last event.
    private func take(_ event: GenerationEvent, _ found: inout Found) throws(APIError) -> Bool {
        switch event {
        case .admitted, .progress, .promptTokens, .embedding, .drafted, .shifted: return false
        case .prefilled(let cachedTokens):
            found.cachedTokens = cachedTokens
            return false
        case .token(_, _, _, let alternatives):
            found.candidates = alternatives
            return false
        case .finished(_, .timeout): throw .deadlineExceeded
        case .finished(_, .cancelled): throw .cancelled
        case .finished(_, .failed(let why)): throw .internalFailure(why)
        case .finished(_, .stopToken), .finished(_, .length): return false
        case .ended: return true
        }
    }
}
