import Glibc

/// What stands for Synchronization's `Mutex` under ThreadSanitizer, module by module: that one waits on a futex inside a
/// library that the sanitizer does not see into, so that everything it protects looks like a race. POSIX's is known to it.
final class Mutex<Value>: @unchecked Sendable {
    private var value: Value
    private let handle = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)

    init(_ value: Value) {
        self.value = value
        pthread_mutex_init(handle, nil)
    }

    deinit {
        pthread_mutex_destroy(handle)
        handle.deallocate()
    }

    func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(handle)
        defer { pthread_mutex_unlock(handle) }
        return try body(&value)
    }
}
