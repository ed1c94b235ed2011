import Glibc

/// Work that reads, waits or computes for long, on a thread of its own: tasks and dispatch queues share a few threads,
/// and whatever blocks one of them stops others.
enum BlockingWork {
    private final class Job {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs `body` on a new thread and gives back what it returns or throws.
    static func run<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            let isStarted = start { continuation.resume(with: Result { try body() }) }
            if !isStarted { continuation.resume(throwing: ServiceError("the system gave no thread")) }
        }
    }

    private static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
        let job = Unmanaged.passRetained(Job(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                Unmanaged<Job>.fromOpaque(argument).takeRetainedValue().body()
                return nil
            }, job.toOpaque())
        guard error == 0 else {
            job.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
