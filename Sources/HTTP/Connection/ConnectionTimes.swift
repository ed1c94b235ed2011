/// The times of `HTTPLimits` in nanoseconds, divided once for all connections.
struct ConnectionTimes {
    let tlsHandshake: UInt64
    let header: UInt64
    let bodyIdle: UInt64
    let bodyRateGrace: UInt64
    let bodyBytesPerSecondMin: Double
    let writeStall: UInt64
    let keepAlive: UInt64
    let linger: UInt64
    let halfCloseGrace: UInt64
    let firstRequest: UInt64
    let ping: UInt64
    let eviction: UInt64

    init(_ limits: HTTPLimits) {
        tlsHandshake = limits.tlsHandshakeTimeout.nanoseconds
        header = limits.headerTimeout.nanoseconds
        bodyIdle = limits.bodyIdleTimeout.nanoseconds
        bodyRateGrace = limits.bodyRateGrace.nanoseconds
        bodyBytesPerSecondMin = Double(limits.bodyBytesPerSecondMin)
        writeStall = limits.writeStallTimeout.nanoseconds
        keepAlive = limits.keepAliveTimeout.nanoseconds
        linger = limits.lingerTimeout.nanoseconds
        halfCloseGrace = limits.halfCloseGrace.nanoseconds
        firstRequest = limits.firstRequestGrace.nanoseconds
        ping = limits.eventStreamPingInterval.nanoseconds
        eviction = limits.evictionAge.nanoseconds
    }
}
