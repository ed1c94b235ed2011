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
        let submittedAt = MonotonicClock.now

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

    let metrics = EmbeddingMetrics()
    private let tokensMax: Int
    /// Guards all of the variables below.
    private let monitor = Monitor()
    /// Jobs with inputs that are in no step yet; the first one's turn is next.
    private var waiting: [Job] = [] {
        didSet { metrics.requestsWaiting.store(waiting.count, ordering: .relaxed) }
    }
    private var waitingTokens = 0 {
        didSet { metrics.tokensWaiting.store(waitingTokens, ordering: .relaxed) }
    }
    private var pace = Pace()
    private var start: Result<EncoderShape, any Error>?
    private var isStopping = false

    init(tokensMax: Int) {
        self.tokensMax = tokensMax
    }

    // MARK: - Callers' side

    func submit(_ inputs: [[TokenID]], sink: @escaping EmbeddingSink) throws(AdmissionError)
        -> any EmbeddingHandle
    {
        let tokens = inputs.reduce(0) { $0 + $1.count }
        let job = Job(inputs, sink)
        try monitor.locked { () throws(AdmissionError) in
            guard !isStopping else { throw .stopping }
            guard waiting.isEmpty || waitingTokens + tokens <= tokensMax else {
                throw .queueFull(retryAfterSeconds: retryAfterSeconds)
            }
            waiting.append(job)
            waitingTokens += tokens
            monitor.wakeAll()
        }
        return Handle(job, self)
    }

    private var retryAfterSeconds: Int {
        let seconds = pace.columnsPerSecond.map { (Double(waitingTokens) / $0).rounded(.up) } ?? 1
        return Int(min(max(seconds, 1), 60))
    }

    private func cancel(_ job: Job) {
        monitor.locked {
            guard !job.isCancelled else { return }
            job.isCancelled = true
            if job.missing > 0 { metrics.requestsCancelled.add(1, ordering: .relaxed) }
            guard let place = waiting.firstIndex(where: { $0 === job }) else { return }
            waiting.remove(at: place)
            waitingTokens -= job.inputs[job.next...].reduce(0) { $0 + $1.count }
        }
    }

    func stop() {
        let left = monitor.locked {
            isStopping = true
            monitor.wakeAll()
            defer { waiting = [] }
            return waiting
        }
        for job in left { job.sink(.stopped) }
    }

    func waitForStart() -> Result<EncoderShape, any Error> {
        monitor.locked {
            while true {
                if let start { return start }
                monitor.wait()
            }
        }
    }

    // MARK: - The embedder's side

    func started(_ result: Result<EncoderShape, any Error>) {
        monitor.locked {
            start = result
            monitor.wakeAll()
        }
    }

    /// The inputs of the next step: one of each job in turn, as long as the next one fits. Sleeps while there is none;
    /// nil when the thread shall end.
    func take(columnsMax: Int) -> [Item]? {
        monitor.locked {
            while waiting.isEmpty, !isStopping { monitor.wait() }
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
            metrics.inputsRunning.store(batch.count, ordering: .relaxed)
            return batch
        }
    }

    func finish(_ batch: [Item], _ embeddings: [[Float]], columns: Int, seconds: Double) {
        let ended = monitor.locked {
            pace.observeStep(columns: columns, seconds: seconds)
            metrics.stepEnded(inputs: batch.count, tokens: columns, seconds: seconds)
            var ended: [Job] = []
            for (item, embedding) in zip(batch, embeddings) {
                item.job.embeddings[item.index] = embedding
                item.job.missing -= 1
                if item.job.missing == 0, !item.job.isCancelled { ended.append(item.job) }
            }
            return ended
        }
        for job in ended {
            metrics.requests.observe(nanoseconds: MonotonicClock.now - job.submittedAt)
            job.sink(.embeddings(job.embeddings))
        }
    }
}
