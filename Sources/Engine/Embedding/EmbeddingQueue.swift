import ModelFiles
import Models

/// Everything that other threads tell the embedder's thread, and whose turn it is.
///
/// A request whose turn it was goes to the end of the line, so that all come round; ten seconds since its last turn
/// outweigh one step of priority. Callers never wait for a step: the lock is held for a few instructions. The embedder
/// sleeps here.
final class EmbeddingQueue: @unchecked Sendable {
    /// An input that is in a step.
    struct Item {
        fileprivate let job: Job
        fileprivate let index: Int
        let input: EmbeddingWork.Input
    }

    fileprivate final class Job {
        let inputs: [EmbeddingWork.Input]
        let priority: Int
        /// Monotonic clock, nanoseconds.
        let deadline: UInt64?
        let sink: EmbeddingSink
        /// Whose turn is next: by when it last had one, and its priority.
        var rank: Rank
        /// The first input that is in no step yet.
        var next = 0
        /// [input][width or 1]
        var embeddings: [[Float]]
        var missing: Int
        /// Nobody waits for it any more.
        var isOver = false
        let submittedAt: UInt64

        init(_ work: EmbeddingWork, at now: UInt64, rank: Rank, _ sink: @escaping EmbeddingSink) {
            inputs = work.inputs
            priority = work.priority
            deadline = work.deadline(submittedAt: now)
            submittedAt = now
            self.rank = rank
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

    /// Of the thread: what it runs, or why there is none.
    typealias Start = Result<(shape: EncoderShape, scoresPairs: Bool), any Error>

    let metrics = EmbeddingMetrics()
    private let tokensMax: Int
    /// Guards all of the variables below.
    private let monitor = Monitor()
    /// Jobs with inputs that are in no step yet; the last one's turn is next.
    private var waiting: [Job] = [] {
        didSet { metrics.requestsWaiting.store(waiting.count, ordering: .relaxed) }
    }
    private var waitingTokens = 0 {
        didSet { metrics.tokensWaiting.store(waitingTokens, ordering: .relaxed) }
    }
    /// Jobs with a deadline that are not done.
    private var timed: [Job] = []
    private var turnCount: RequestID = 0
    private var pace = Pace()
    private var start: Start?
    private var isStopping = false

    init(tokensMax: Int) {
        self.tokensMax = tokensMax
    }

    // MARK: - Callers' side

    func submit(_ work: EmbeddingWork, sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        let tokens = work.inputs.reduce(0) { $0 + $1.tokens.count }
        let now = MonotonicClock.now
        let job = try monitor.locked { () throws(AdmissionError) in
            guard !isStopping else { throw .stopping }
            guard waiting.isEmpty || waitingTokens + tokens <= tokensMax else {
                throw .queueFull(retryAfterSeconds: retryAfterSeconds)
            }
            let job = Job(work, at: now, rank: nextRank(at: now, priority: work.priority), sink)
            enqueue(job)
            if job.deadline != nil { timed.append(job) }
            waitingTokens += tokens
            monitor.wakeAll()
            return job
        }
        return Handle(job, self)
    }

    private func nextRank(at now: UInt64, priority: Int) -> Rank {
        turnCount += 1
        return Rank(arrivedAt: now, priority: priority, id: turnCount, choice: 0)
    }

    private func enqueue(_ job: Job) {
        waiting.insert(job, at: waiting.partitioningIndex { $0.rank < job.rank })
    }

    private var retryAfterSeconds: Int {
        let seconds = pace.columnsPerSecond.map { (Double(waitingTokens) / $0).rounded(.up) } ?? 1
        return Int(min(max(seconds, 1), 60))
    }

    private func cancel(_ job: Job) {
        monitor.locked {
            if !job.isOver { metrics.requestsCancelled.wrappingAdd(1, ordering: .relaxed) }
            drop(job)
        }
    }

    /// Nothing of a job will be computed any more but what is in the step that runs.
    private func drop(_ job: Job) {
        guard !job.isOver else { return }
        job.isOver = true
        timed.removeAll { $0 === job }
        guard let place = waiting.firstIndex(where: { $0 === job }) else { return }
        waiting.remove(at: place)
        waitingTokens -= job.inputs[job.next...].reduce(0) { $0 + $1.tokens.count }
    }

    func stop() {
        let left = monitor.locked {
            isStopping = true
            monitor.wakeAll()
            let left = waiting
            for job in left { drop(job) }
            return left
        }
        for job in left { job.sink(.stopped) }
    }

    func waitForStart() -> Start {
        monitor.locked {
            while true {
                if let start { return start }
                monitor.wait()
            }
        }
    }

    // MARK: - The embedder's side

    func started(_ result: Start) {
        monitor.locked {
            start = result
            monitor.wakeAll()
        }
    }

    /// The inputs of the next step: one of each job in turn, as long as the next one fits. Sleeps while there is none;
    /// nil when the thread shall end.
    func take(columnsMax: Int) -> [Item]? {
        endExpired()
        return monitor.locked {
            while waiting.isEmpty, !isStopping { monitor.wait() }
            guard !isStopping else { return nil }
            let now = MonotonicClock.now
            var batch: [Item] = []
            var columns = 0
            while let job = waiting.last, columns + job.inputs[job.next].tokens.count <= columnsMax {
                let input = job.inputs[job.next]
                batch.append(Item(job: job, index: job.next, input: input))
                columns += input.tokens.count
                waitingTokens -= input.tokens.count
                job.next += 1
                waiting.removeLast()
                guard job.next < job.inputs.count else { continue }
                job.rank = nextRank(at: now, priority: job.priority)
                enqueue(job)
            }
            metrics.stepBegins(inputs: batch.count, at: now)
            return batch
        }
    }

    private func endExpired() {
        let expired = monitor.locked {
            let now = MonotonicClock.now
            let expired = timed.filter { ($0.deadline ?? .max) <= now }
            for job in expired { drop(job) }
            return expired
        }
        for job in expired { job.sink(.timedOut) }
    }

    func finish(_ batch: [Item], _ embeddings: [[Float]], columns: Int, seconds: Double) {
        let ended = monitor.locked {
            pace.observeStep(columns: columns, seconds: seconds)
            metrics.stepEnded(inputs: batch.count, tokens: columns, seconds: seconds)
            var ended: [Job] = []
            for (item, embedding) in zip(batch, embeddings) where !item.job.isOver {
                item.job.embeddings[item.index] = embedding
                item.job.missing -= 1
                guard item.job.missing == 0 else { continue }
                drop(item.job)
                ended.append(item.job)
            }
            return ended
        }
        for job in ended {
            metrics.requests.observe(nanoseconds: MonotonicClock.now - job.submittedAt)
            job.sink(.embeddings(job.embeddings))
        }
    }
}
