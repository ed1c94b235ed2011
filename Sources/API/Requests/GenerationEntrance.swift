import Engine
import HTTP
import Synchronization

/// Refuses requests to generate when those before them fill the queue: on the I/O loop, in microseconds.
///
/// In a burst most of the time goes into rendering and tokenizing the prompts of the requests that are let in. Who is to
/// be refused must not wait for that; so places in the queue are taken when a request comes, not when it is submitted.
/// It is the engine that decides at last: a place that is taken here may still be refused there.
final class GenerationEntrance: Sendable {
    /// Requests that were let in and are not ready to be submitted.
    private let preparing = Atomic(0)

    /// The answer that refuses a request; nil lets it in, and `prepare` must follow.
    func refusal(_ models: ModelSlot) -> HTTPResponse? {
        let others = preparing.wrappingAdd(1, ordering: .relaxed).oldValue
        // Without a model, its own answer says why.
        guard let model = try? models.generator() else { return nil }
        do throws(AdmissionError) { try model.engine.checkQueue(behind: others) } catch {
            guard case .queueFull(let seconds) = error else { return nil }
            preparing.wrappingSubtract(1, ordering: .relaxed)
            return APIError.queueFull(retryAfterSeconds: seconds).response
        }
        return nil
    }

    /// Makes what is to be submitted of a request that was let in.
    func prepare(_ make: () throws(APIError) -> any Responder) throws(APIError) -> any Responder {
        defer { preparing.wrappingSubtract(1, ordering: .relaxed) }
        return try make()
    }
}
