/// Everything that other threads tell the engine's thread, and its answer to the one who started it.
///
/// Callers never wait for a step: each lock is held for a few instructions. The engine sleeps here
/// when it has nothing to do.
final class Mailbox: @unchecked Sendable {
    struct Submission: Sendable {
        var id: RequestID
        var request: GenerationRequest
        var size: RequestSize
        /// Monotonic clock, nanoseconds.
        var submittedAt: UInt64
        var sink: GenerationSink
    }

    struct Cancellation: Hashable, Sendable {
        var id: RequestID
        /// nil cancels all.
        var choice: Int?
    }

    enum StopRequest: Sendable {
        case none
        /// Finish what was submitted, then end.
        case drain
        /// End after the step that runs.
        case now
    }

    /// What has come since the engine last looked.
    struct Delivery {
        var submissions: [Submission] = []
        var cancellations: Set<Cancellation> = []
        var stop = StopRequest.none
    }

    private enum Start {
        case pending
        case ready(EngineLimits)
        case failed(any Error)
    }

    /// Guards all of the variables below.
    private let monitor = Monitor()
    private var gate: AdmissionGate
    private var delivery = Delivery()
    private var lastID: RequestID = 0
    private var start = Start.pending
    private var hasEnded = false
    private var endActions: [@Sendable () -> Void] = []
    private let board: StatusBoard

    init(gate: AdmissionGate, board: StatusBoard) {
        self.gate = gate
        self.board = board
    }

}

// MARK: - Callers' side

extension Mailbox {
    func checkQueue(behind others: Int) throws(AdmissionError) {
        try monitor.locked { () throws(AdmissionError) in try gate.check(behind: others) }
    }

    func submit(
        _ request: GenerationRequest, size: RequestSize, submittedAt: UInt64, sink: @escaping GenerationSink
    ) throws(AdmissionError) -> RequestID {
        try monitor.locked { () throws(AdmissionError) in
            guard case .none = delivery.stop, !hasEnded else { throw .stopping }
            try gate.enter(size)
            board.publish(requestsWaiting: gate.waitingCount)
            lastID += 1
            delivery.submissions.append(
                Submission(id: lastID, request: request, size: size, submittedAt: submittedAt, sink: sink))
            monitor.wakeAll()
            return lastID
        }
    }

    func cancel(_ cancellation: Cancellation) {
        monitor.locked {
            guard !hasEnded else { return }
            delivery.cancellations.insert(cancellation)
            monitor.wakeAll()
        }
    }

    func stop(drain: Bool) {
        monitor.locked {
            switch (delivery.stop, drain) {
            case (.now, _), (.drain, true): return
            case (.none, true): delivery.stop = .drain
            case (.none, false), (.drain, false): delivery.stop = .now
            }
            monitor.wakeAll()
        }
    }

    /// Waits for the engine's thread to load its model.
    func waitForStart() throws -> EngineLimits {
        try monitor.locked { () throws(any Error) in
            while true {
                switch start {
                case .pending: monitor.wait()
                case .ready(let limits): return limits
                case .failed(let error): throw error
                }
            }
        }
    }

    func waitForEnd() {
        monitor.locked { while !hasEnded { monitor.wait() } }
    }

    func whenEnded(_ action: @escaping @Sendable () -> Void) {
        let hasEnded = monitor.locked {
            if !self.hasEnded { endActions.append(action) }
            return self.hasEnded
        }
        if hasEnded { action() }
    }
}

// MARK: - Engine's side

extension Mailbox {
    func started(_ limits: EngineLimits) {
        monitor.locked {
            start = .ready(limits)
            monitor.wakeAll()
        }
    }

    func failed(_ error: any Error) {
        monitor.locked { start = .failed(error) }
        ended()
    }

    /// Requests have left the queue: they were admitted, or cancelled.
    func leave(_ sizes: [RequestSize]) {
        monitor.locked {
            for size in sizes { gate.leave(size) }
            board.publish(requestsWaiting: gate.waitingCount)
        }
    }

    /// Takes what has come; sleeps until something does if the engine is idle.
    ///
    /// - Parameter pace: the engine's latest figures.
    func take(pace: Pace, isIdle: Bool) -> Delivery {
        monitor.locked {
            gate.pace = pace
            while isIdle, delivery.submissions.isEmpty, delivery.cancellations.isEmpty,
                case .none = delivery.stop
            {
                monitor.wait()
            }
            let taken = delivery
            delivery = Delivery(stop: taken.stop)
            return taken
        }
    }

    /// The last thing that the engine's thread does.
    func ended() {
        let actions = monitor.locked {
            hasEnded = true
            board.publish(requestsWaiting: 0)
            monitor.wakeAll()
            defer { endActions = [] }
            return endActions
        }
        for action in actions { action() }
    }
}
