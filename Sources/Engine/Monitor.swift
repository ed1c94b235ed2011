import Glibc

/// A lock, and a condition to wait for while holding it. What it guards belongs to its owner.
///
/// In heap memory, because neither may move.
final class Monitor: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func locked<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }

    /// Lets go of the lock until somebody says that something changed. Inside `locked` only; may return early.
    func wait() { pthread_cond_wait(changed, mutex) }

    /// Something changed: everybody who waits looks again.
    func wakeAll() { pthread_cond_broadcast(changed) }
}
