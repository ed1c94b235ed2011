import Glibc
import ModelFiles
import Models

/// Everything that other threads tell the embedder's thread, and whose turn it is.
///
/// Callers never wait for a step: the lock is held for a few instructions. The embedder sleeps here.
final class EmbeddingQueue: @unchecked Sendable {
    /// An input that is in a step.
    struct Item {
        fileprivate let job: Job
        fileprivate let index: Int
        let tokens: [TokenID]
    }

    fileprivate final class Job {
        let inputs: [[TokenID]]
        let sink: EmbeddingSink
        /// The first input that is in no step yet.
        var next = 0
        var embeddings: [[Float]]
        var missing: Int
        var isCancelled = false

        init(_ inputs: [[TokenID]], _ sink: @escaping EmbeddingSink) {
            self.inputs = inputs
            self.sink = sink
            embeddings = Array(repeating: [], count: inputs.count)
            missing = inputs.count
        }
    }

    private final class Handle: EmbeddingHandle, @unchecked Sendable {
        private let job: Job
        private let queue: EmbeddingQueue

        init(_ job: Job, _ queue: EmbeddingQueue) {
            self.job = job
            self.queue = queue
        }

        func cancel() { queue.cancel(job) }
    }

    private let tokensMax: Int
    /// A heap allocation, because a mutex must not move. Guards all of the variables below.
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Jobs with inputs that are in no step yet; the first one's turn is next.
    private var waiting: [Job] = []
    private var waitingTokens = 0
    private var pace = Pace()
    private var start: Result<EncoderShape, any Error>?
    private var isStopping = false

    init(tokensMax: Int) {
        self.tokensMax = tokensMax
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    private func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    // MARK: - Callers' side

    func submit(_ inputs: [[TokenID]], sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        let tokens = inputs.reduce(0) { $0 + $1.count }
        let job = Job(inputs, sink)
        try locked { () throws(AdmissionError) in
            guard !isStopping else { throw .stopping }
            guard waiting.isEmpty || waitingTokens + tokens <= tokensMax else {
                throw .queueFull(retryAfterSeconds: retryAfterSeconds)
            }
            waiting.append(job)
            waitingTokens += tokens
            pthread_cond_broadcast(changed)
        }
        return Handle(job, self)
    }

    private var retryAfterSeconds: Int {
        let seconds = pace.columnsPerSecond.map { (Double(waitingTokens) / $0).rounded(.up) } ?? 1
        return Int(min(max(seconds, 1), 60))
    }

    private func cancel(_ job: Job) {
        locked {
            guard !job.isCancelled else { return }
            job.isCancelled = true
            guard let place = waiting.firstIndex(where: { $0 === job }) else { return }
            waiting.remove(at: place)
            waitingTokens -= job.inputs[job.next...].reduce(0) { $0 + $1.count }
        }
    }

    func stop() {
        let left = locked {
            isStopping = true
            pthread_cond_broadcast(changed)
            defer { waiting = [] }
            return waiting
        }
        for job in left { job.sink(.stopped) }
    }

    func waitForStart() -> Result<EncoderShape, any Error> {
        locked {
            while true {
                if let start { return start }
                pthread_cond_wait(changed, mutex)
            }
        }
    }

    // MARK: - The embedder's side

    func started(_ result: Result<EncoderShape, any Error>) {
        locked {
            start = result
            pthread_cond_broadcast(changed)
        }
    }

    /// The inputs of the next step: one of each job in turn, as long as the next one fits. Sleeps while there is none;
    /// nil when the thread shall end.
    func take(columnsMax: Int) -> [Item]? {
        locked {
            while waiting.isEmpty, !isStopping { pthread_cond_wait(changed, mutex) }
            guard !isStopping else { return nil }
            var batch: [Item] = []
            var columns = 0
            while let job = waiting.first, columns + job.inputs[job.next].count <= columnsMax {
                let tokens = job.inputs[job.next]
                batch.append(Item(job: job, index: job.next, tokens: tokens))
                columns += tokens.count
                waitingTokens -= tokens.count
                job.next += 1
                waiting.removeFirst()
                if job.next < job.inputs.count { waiting.append(job) }
            }
            return batch
        }
    }

    func finish(_ batch: [Item], _ embeddings: [[Float]], columns: Int, seconds: Double) {
        let ended = locked {
            pace.observeStep(columns: columns, seconds: seconds)
            var ended: [Job] = []
            for (item, embedding) in zip(batch, embeddings) {
                item.job.embeddings[item.index] = embedding
                item.job.missing -= 1
                if item.job.missing == 0, !item.job.isCancelled { ended.append(item.job) }
            }
            return ended
        }
        for job in ended { job.sink(.embeddings(job.embeddings)) }
    }
}
