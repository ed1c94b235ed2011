import Glibc

/// The file descriptors that the process may have open (`ulimit -n`).
enum DescriptorLimit {
    /// Kept for what is not a connection: model files, the log, listeners, the loop's own.
    static let othersMax = 64

    /// Raises the soft limit, often 1024, to what so many connections need, as far as the hard limit lets it.
    ///
    /// - Returns: How many connections there are descriptors for now.
    @discardableResult
    static func makeRoom(forConnections count: Int) -> Int {
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        var limit = rlimit()
        guard getrlimit(resource, &limit) == 0 else { return count }
        let wanted = min(rlim_t(count + othersMax), limit.rlim_max)
        if limit.rlim_cur < wanted {
            var raised = limit
            raised.rlim_cur = wanted
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur) - othersMax
    }
}
