import CLinux
@preconcurrency import Dispatch
import Glibc
import Synchronization

/// Something with a descriptor in the loop.
protocol EventHandler: AnyObject {
    /// - Parameter events: epoll's bits.
    func ready(_ events: UInt32)
}

/// Something whose output is sent at the end of the loop's turn, in one piece.
protocol TurnEndHandler: AnyObject {
    func turnEnds()
}

/// One I/O loop: a serial queue, an epoll descriptor with all sockets in it, and one Dispatch source on that
/// descriptor.
///
/// Dispatch sees a single source for the loop's whole life. A source per connection costs several system
/// calls an event and a thread hop, and creating and cancelling sources while others fire is where
/// libdispatch on Linux loses events (swift-corelibs-libdispatch #833, #949).
///
/// Tasks may prefer the loop as their executor: what they write is sent in the turn that runs them.
///
/// Everything but `post`, `wake`, `enqueue` and `isCurrent` is confined to `queue`.
final class EventLoop: TaskExecutor, @unchecked Sendable {
    private struct Slot {
        var handler: (any EventHandler)?
        /// Tells a descriptor from the one that had the same number before, in events already fetched.
        var generation: UInt32 = 0
    }

    private enum Message {
        case call(@Sendable () -> Void)
        /// A piece of a task. In a closure it would cost an allocation.
        case job(UnownedJob)
    }

    private struct Mailbox {
        var messages: [Message] = []
        /// The loop is in a turn, or has been signalled: nobody needs to wake it.
        var isAwake = false
    }

    /// In nanoseconds, on the monotonic clock; fetched once a turn.
    private(set) var now: UInt64
    /// Where sockets are read into; what lies here is gone with the next read.
    let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 65_536, alignment: 64)

    private static let roundsPerTurnMax = 64
    /// How long a turn waits for more before it ends.
    private static let patienceMilliseconds: Int32 = 250
    private let queue = DispatchQueue(label: "apus.http.loop", qos: .userInitiated)
    private let epoll: Int32
    private let wakeup: Int32
    private let timer: Int32
    private let mailbox = Mutex(Mailbox())
    /// What was taken from the mailbox; empty but in `handleMessages`.
    private var taken: [Message] = []
    /// The thread that is in a turn; 0 when none is.
    private let runner = Atomic<UInt>(0)
    /// Those that wait in `sync`.
    private let visitors = Atomic(0)
    private let source: any DispatchSourceRead
    private var events = [apus_epoll_event](repeating: apus_epoll_event(), count: 256)
    private var slots: [Slot] = []
    private var timers = TimerHeap()
    /// What the timer descriptor is set to.
    private var armedDeadline: UInt64?
    private var dirty: [any TurnEndHandler] = []
    /// Those whose turn ends; empty but in `endTurn`.
    private var ending: [any TurnEndHandler] = []

    init() throws(SystemError) {
        epoll = try SystemError.check(apus_epoll_create(), "epoll_create1")
        wakeup = try SystemError.check(apus_eventfd_create(), "eventfd")
        timer = try SystemError.check(apus_timerfd_create(), "timerfd_create")
        now = Self.clock()
        _ = try SystemError.check(apus_epoll_add(epoll, wakeup, apus_epoll_in, UInt64(wakeup)), "epoll_ctl")
        _ = try SystemError.check(apus_epoll_add(epoll, timer, apus_epoll_in, UInt64(timer)), "epoll_ctl")
        source = DispatchSource.makeReadSource(fileDescriptor: epoll, queue: queue)
        let descriptors = [epoll, wakeup, timer]
        source.setCancelHandler(handler: { @Sendable in
            for descriptor in descriptors { _ = close(descriptor) }
        })
        source.setEventHandler(handler: { @Sendable [weak self] in self?.turn() })
        source.activate()
    }

    deinit {
        source.cancel()
        scratch.deallocate()
    }

    /// In debug builds, traps when the caller is not on the loop.
    func assertIsCurrent() {
        assert(
            {
                dispatchPrecondition(condition: .onQueue(queue))
                return true
            }())
    }

    // MARK: - From any thread

    /// Runs `message` on the loop, after those posted before it. Posts that come close together wake the loop
    /// once.
    func post(_ message: @escaping @Sendable () -> Void) { post(.call(message)) }

    private func post(_ message: Message) {
        let mustWake = mailbox.withLock { mailbox in
            mailbox.messages.append(message)
            defer { mailbox.isAwake = true }
            return !mailbox.isAwake
        }
        if mustWake { LoopWakeups.wake(self) }
    }

    func wake() { apus_eventfd_signal(wakeup) }

    /// Runs a piece of a task on the loop.
    func enqueue(_ job: consuming ExecutorJob) {
        post(.job(UnownedJob(job)))
    }

    /// The caller is in a turn of the loop.
    var isCurrent: Bool { runner.load(ordering: .relaxed) == pthread_self() }

    /// Runs `body` on the loop and waits for it; never to be called there.
    func sync<Result>(_ body: () -> Result) -> Result {
        // The turn that runs ends for it, and does not wait before.
        visitors.wrappingAdd(1, ordering: .relaxed)
        wake()
        return queue.sync {
            visitors.wrappingSubtract(1, ordering: .relaxed)
            return body()
        }
    }

    // MARK: - On the loop

    func add(_ fd: Int32, _ events: UInt32, _ handler: any EventHandler) throws(SystemError) {
        while slots.count <= Int(fd) { slots.append(Slot()) }
        slots[Int(fd)].generation &+= 1
        slots[Int(fd)].handler = handler
        _ = try SystemError.check(apus_epoll_add(epoll, fd, events, key(fd)), "epoll_ctl")
    }

    func modify(_ fd: Int32, _ events: UInt32) {
        let result = apus_epoll_modify(epoll, fd, events, key(fd))
        assert(result == 0, "epoll refuses to modify a descriptor that was added")
    }

    /// Must come before the descriptor is closed.
    func remove(_ fd: Int32) {
        _ = apus_epoll_remove(epoll, fd)
        slots[Int(fd)].handler = nil
    }

    /// - Parameter deadline: nil when there is none.
    func setTimer(_ target: any TimerTarget, _ deadline: UInt64?) {
        timers.set(target, deadline)
    }

    /// `handler` will be asked once more when the present turn ends.
    func atTurnEnd(_ handler: any TurnEndHandler) {
        dirty.append(handler)
    }

    private func key(_ fd: Int32) -> UInt64 {
        UInt64(slots[Int(fd)].generation) << 32 | UInt64(fd)
    }

    /// Handles events until there are none for a while, then goes back to Dispatch.
    ///
    /// Waiting here costs a blocked thread; waking through Dispatch costs several system calls and two thread
    /// hops, which would be paid for every token of a stream.
    private func turn() {
        runner.store(pthread_self(), ordering: .relaxed)
        defer { runner.store(0, ordering: .relaxed) }
        var patience: Int32 = 0
        for _ in 0..<Self.roundsPerTurnMax {
            let isIdle = handleEvents(waitingMilliseconds: patience) == 0
            handleMessages()
            handleTimers()
            endTurn()
            armTimer()
            if isIdle && patience > 0 || visitors.load(ordering: .relaxed) > 0 { break }
            patience = mayWait() ? Self.patienceMilliseconds : 0
        }
        // What was posted, or left over, meanwhile is not seen by epoll: the loop wakes itself.
        if !mayWait() { wake() }
    }

    private func handleEvents(waitingMilliseconds: Int32) -> Int {
        let count = Int(max(0, apus_epoll_wait(epoll, &events, Int32(events.count), waitingMilliseconds)))
        now = Self.clock()
        for index in 0..<count {
            let event = events[index]
            let fd = Int32(truncatingIfNeeded: event.data & 0xFFFF_FFFF)
            if fd == wakeup {
                apus_eventfd_clear(wakeup)
            } else if fd == timer {
                // It is set again, and with that no more readable, at the end of the turn.
                armedDeadline = nil
                apus_eventfd_clear(timer)
            } else if Int(fd) < slots.count, slots[Int(fd)].generation == UInt32(event.data >> 32) {
                let handler = slots[Int(fd)].handler
                handler?.ready(event.events)
            }
        }
        return count
    }

    private func handleMessages() {
        // Two arrays take turns, so that none is made.
        mailbox.withLock { mailbox in
            mailbox.isAwake = true
            swap(&mailbox.messages, &taken)
        }
        for message in taken {
            switch message {
            case .call(let body): body()
            case .job(let job): job.runSynchronously(on: asUnownedTaskExecutor())
            }
        }
        taken.removeAll(keepingCapacity: true)
    }

    private func handleTimers() {
        while let target = timers.popExpired(now: now) { target.deadlineReached(now: now) }
    }

    private func endTurn() {
        // Who is dirty again meanwhile waits for the next turn.
        swap(&dirty, &ending)
        for handler in ending { handler.turnEnds() }
        ending.removeAll(keepingCapacity: true)
    }

    /// Deadlines mostly move away; a timer that comes too early costs less than setting it at every move.
    private func armTimer() {
        guard let earliest = timers.earliest, earliest < armedDeadline ?? .max else { return }
        armedDeadline = earliest
        _ = apus_timerfd_set(timer, earliest)
    }

    /// Nothing is left to do. From here on a post has to wake the loop.
    private func mayWait() -> Bool {
        mailbox.withLock { mailbox in
            mailbox.isAwake = !mailbox.messages.isEmpty || !dirty.isEmpty
            return !mailbox.isAwake
        }
    }

    private static func clock() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
