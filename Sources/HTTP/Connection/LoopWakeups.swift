import CLinux

/// Puts off the waking of I/O loops while one thread tells many tasks something.
///
/// Tasks that wait on a loop are resumed by posts to it. The first of them would wake the loop's thread, which often
/// takes the core of the one that posts, handles one message and sleeps again: two changes of threads for each task.
public enum LoopWakeups {
    fileprivate final class Gathered {
        var loops: [EventLoop] = []
    }

    /// Runs `body`, then wakes the loops to which it posted, each once. Not to be nested.
    public static func gather(_ body: () -> Void) {
        let gathered = Gathered()
        withExtendedLifetime(gathered) {
            clinux_set_thread_value(Unmanaged.passUnretained(gathered).toOpaque())
            body()
            clinux_set_thread_value(nil)
        }
        for loop in gathered.loops { loop.wake() }
    }

    /// Wakes a loop, now or when the calling thread has posted all that it has.
    static func wake(_ loop: EventLoop) {
        guard let value = clinux_thread_value() else { return loop.wake() }
        Unmanaged<Gathered>.fromOpaque(value).takeUnretainedValue().loops.append(loop)
    }
}
