import Glibc

/// Starting the engine's one thread.
enum EngineThread {
    /// The name that the system's tools show; at most 15 bytes.
    private static let name = "apus-engine"
    /// Added to what the process has: about a third of what its other threads get where both want the same core.
    private static let niceness: Int32 = 5

    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread that nobody has to join. It receives no signals: those are for the
    /// threads that serve the process.
    static func start(_ body: @escaping @Sendable () -> Void) throws(EngineError) {
        var attributes = pthread_attr_t()
        pthread_attr_init(&attributes)
        defer { pthread_attr_destroy(&attributes) }
        pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
        let argument = Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let error = pthread_create(
            &thread, &attributes,
            { argument in
                EngineThread.setUp()
                guard let argument else { return nil }
                Unmanaged<Body>.fromOpaque(argument).takeRetainedValue().run()
                return nil
            }, argument.toOpaque())
        guard error == 0 else {
            argument.release()
            throw .threadUnavailable(code: error)
        }
    }

    private static func setUp() {
        var signals = sigset_t()
        sigfillset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, nil)
        // Steps take whole cores for milliseconds; who answers clients takes microseconds and goes first. The threads
        // that compute are made by this one, and inherit it.
        let which = __priority_which_t(PRIO_PROCESS.rawValue)
        setpriority(which, 0, getpriority(which, 0) + niceness)
        // A name is a courtesy; without /proc the thread runs unnamed.
        guard let file = fopen("/proc/thread-self/comm", "w") else { return }
        fputs(name, file)
        fclose(file)
    }
}
