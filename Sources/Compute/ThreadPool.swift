import CLinux
import Glibc
import Synchronization

/// The threads that compute a step together: the caller and `count - 1` pinned workers.
///
/// `run` gives the same body to all of them; inside it, `barrier` separates phases and `take` hands out
/// pieces of a phase's work. Nobody allocates or locks inside. Between runs the workers spin for about
/// 50 µs and then sleep, so an idle server uses no CPU.
///
/// Confined to one caller: `run` must not be called from two threads at a time.
public final class ThreadPool: @unchecked Sendable {
    /// Threads, the caller included.
    public let count: Int

    private typealias Word = UnsafeMutablePointer<Atomic<UInt32>>
    /// Each word on cache lines of its own. [line]
    private let lines: UnsafeMutableRawPointer
    private static let lineBytes = 128
    private let epoch: Word  // counts runs; workers wait for it to change
    private let epochSleepers: Word
    private let phase: Word  // counts barriers; waiters wait for it to change
    private let phaseSleepers: Word
    private let arrived: Word
    private let next: Word  // the first piece of work that nobody has taken
    private let stopping: Word
    private var body: (Int) -> Void = { _ in }
    private var threads: [pthread_t] = []

    /// - Parameter count: threads, 1 ... 256; more than there are CPUs are not pinned.
    public init(count: Int) {
        self.count = max(1, min(count, 256))
        let words = 7
        lines = UnsafeMutableRawPointer.allocate(byteCount: words * Self.lineBytes, alignment: Self.lineBytes)
        var made: [Word] = []
        for i in 0..<words {
            let word = (lines + i * Self.lineBytes).bindMemory(to: Atomic<UInt32>.self, capacity: 1)
            word.initialize(to: Atomic(0))
            made.append(word)
        }
        (epoch, epochSleepers, phase, phaseSleepers) = (made[0], made[1], made[2], made[3])
        (arrived, next, stopping) = (made[4], made[5], made[6])
        for index in 1..<max(self.count, 1) {
            if let thread = startThread({ [unowned self] in self.work(index) }) { threads.append(thread) }
        }
        precondition(threads.count == self.count - 1, "the system refused a thread")
    }

    deinit {
        stopping.pointee.store(1, ordering: .releasing)
        wake(epoch, epochSleepers)
        for thread in threads { pthread_join(thread, nil) }
        lines.deallocate()
    }

    /// CPUs that this process may use.
    public static var cpuCount: Int { Int(clinux_cpu_count()) }

    /// Binds the calling thread to the CPU of worker 0.
    public func pinCaller() {
        if count <= Self.cpuCount { _ = clinux_pin_thread(0) }
    }

    /// Runs `body` on every thread, the caller as thread 0, and returns when all have finished.
    public func run(_ body: (Int) -> Void) {
        withoutActuallyEscaping(body) { escaping in
            self.body = escaping
            next.pointee.store(0, ordering: .relaxed)
            wake(epoch, epochSleepers)
            escaping(0)
            barrier()
            self.body = { _ in }
        }
    }

    /// Waits until every thread of the run has come here; then work is handed out from 0 again.
    public func barrier() {
        if count == 1 {
            next.pointee.store(0, ordering: .relaxed)
            return
        }
        let now = phase.pointee.load(ordering: .acquiring)
        if arrived.pointee.wrappingAdd(1, ordering: .acquiringAndReleasing).newValue == UInt32(count) {
            arrived.pointee.store(0, ordering: .relaxed)
            next.pointee.store(0, ordering: .relaxed)
            wake(phase, phaseSleepers)
        } else {
            wait(phase, phaseSleepers, whileEqual: now)
        }
    }

    /// Takes the next `size` pieces of this phase's work; the range may begin past its end.
    public func take(_ size: Int) -> Int {
        Int(next.pointee.wrappingAdd(UInt32(truncatingIfNeeded: size), ordering: .relaxed).oldValue)
    }

    private func work(_ index: Int) {
        clinux_name_thread("apus-worker-\(index)")
        if count <= Self.cpuCount { _ = clinux_pin_thread(Int32(index)) }
        var seen: UInt32 = 0
        while true {
            wait(epoch, epochSleepers, whileEqual: seen)
            seen = epoch.pointee.load(ordering: .acquiring)
            if stopping.pointee.load(ordering: .acquiring) != 0 { return }
            body(index)
            barrier()
        }
    }

    /// Changes the word and wakes who sleeps on it.
    private func wake(_ word: Word, _ sleepers: Word) {
        word.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        if sleepers.pointee.load(ordering: .sequentiallyConsistent) != 0 {
            clinux_futex_wake_all(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self))
        }
    }

    /// Spins about 50 µs, then sleeps.
    private func wait(_ word: Word, _ sleepers: Word, whileEqual value: UInt32) {
        for _ in 0..<Self.spins {
            if word.pointee.load(ordering: .acquiring) != value { return }
            clinux_relax()
        }
        sleepers.pointee.wrappingAdd(1, ordering: .sequentiallyConsistent)
        while word.pointee.load(ordering: .sequentiallyConsistent) == value {
            clinux_futex_wait(UnsafeRawPointer(word).assumingMemoryBound(to: UInt32.self), value)
        }
        sleepers.pointee.wrappingSubtract(1, ordering: .sequentiallyConsistent)
    }

    /// A pause takes 10 to 40 ns on today's CPUs.
    private static let spins = 2000
}

/// Starts a joinable thread; nil when the system refuses.
private func startThread(_ body: @escaping () -> Void) -> pthread_t? {
    final class Box {
        let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let box = Unmanaged.passRetained(Box(body))
    let status = pthread_create(
        &thread, nil,
        { raw in
            if let raw { Unmanaged<Box>.fromOpaque(raw).takeRetainedValue().body() }
            return nil
        }, box.toOpaque())
    guard status == 0 else {
        box.release()
        return nil
    }
    return thread
}
