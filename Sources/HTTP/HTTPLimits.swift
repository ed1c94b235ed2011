/// Every bound that a connection obeys. Names end in their unit; times are `Duration`s.
public struct HTTPLimits: Sendable {
    // Request head
    /// One request line without its CRLF. At least 8,000 must be taken (RFC 9112 §3).
    public var requestLineBytesMax = 8_192
    public var methodBytesMax = 32
    /// One field line without its CRLF.
    public var fieldLineBytesMax = 16_384
    /// All field lines of a head together.
    public var headerBytesMax = 32_768
    public var fieldCountMax = 100
    /// Empty lines tolerated before a request line (RFC 9112 §2.2).
    public var leadingEmptyLinesMax = 2
    public var requestIDBytesMax = 128

    // Request body
    /// For routes that don't say otherwise.
    public var bodyBytesMax = 32 << 20
    /// One chunk-size line with its extensions.
    public var chunkLineBytesMax = 256
    /// The extensions of all chunks of a body together.
    public var chunkExtensionBytesMax = 16_384
    /// From this many chunks on, they must average `chunkMeanBytesMin`.
    public var chunkCountFree = 1_000
    public var chunkMeanBytesMin = 8
    public var trailerBytesMax = 8_192
    public var trailerCountMax = 32
    /// A packed body that unpacks to more than this may not be more than `inflationRatioMax` times its packed size.
    public var inflatedBytesFree = 65_536
    /// At least 1. JSON is mostly packed 3 to 20 times; the formats allow 1,032.
    public var inflationRatioMax = 100

    // Time
    /// From the connection's start to the end of the TLS handshake; absolute.
    public var tlsHandshakeTimeout: Duration = .seconds(10)
    /// From the first byte of a request (or from the connection's start) to the end of its head; absolute.
    public var headerTimeout: Duration = .seconds(10)
    /// The longest silence inside a body.
    public var bodyIdleTimeout: Duration = .seconds(20)
    /// After `bodyRateGrace`, a body must have come at this mean rate.
    public var bodyBytesPerSecondMin = 500
    public var bodyRateGrace: Duration = .seconds(10)
    /// The longest time in which the client takes nothing of what waits for it.
    public var writeStallTimeout: Duration = .seconds(30)
    /// Between two requests of a connection. Longer than a load balancer's 60 s, so that it closes first.
    public var keepAliveTimeout: Duration = .seconds(75)
    /// How long, and how much, is read and dropped after the last response, lest a reset destroy it (RFC 9112
    /// §9.6).
    public var lingerTimeout: Duration = .seconds(2)
    public var lingerBytesMax = 65_536
    /// An end of input this soon after a complete request is a half-close: the request is still served. Later
    /// it means that the client is gone. Zero: always gone.
    public var halfCloseGrace: Duration = .seconds(1)
    /// A comment is sent on an event stream after this much silence, so that proxies don't cut it.
    public var eventStreamPingInterval: Duration = .seconds(5)
    /// What running requests get to end after a graceful stop begins.
    public var drainTimeout: Duration = .seconds(30)

    /// After a graceful stop begins, who has connected and sent nothing yet gets this long for a first request.
    public var firstRequestGrace: Duration = .seconds(1)

    // Connections
    /// A PROXY header, where one is required. 536 bytes is what every path carries in one piece (§2 of the protocol).
    public var proxyHeaderBytesMax = 536
    public var connectionsMax = 1_024
    /// Connections taken beyond `connectionsMax`, for health checks and metrics: each serves one request, and what is
    /// not answered on the loop itself is answered 503. Beyond these, new connections wait in the kernel.
    public var connectionsReserve = 8
    /// When all connections are taken, those go first that have been idle, or slow with a request, for the longest, if
    /// it is this long.
    public var evictionAge: Duration = .seconds(1)
    public var requestsPerConnectionMax = 10_000
    /// Bytes of later requests held while one is served; then reading stops.
    public var pipelinedBytesMax = 16_384
    /// Requests of one connection served in one turn of the loop, before others get theirs.
    public var requestsPerTurnMax = 16
    /// No accepting for this long after the process ran out of descriptors.
    public var acceptPause: Duration = .milliseconds(500)

    // Response
    /// Smaller answers are not packed: it would cost more than it saves.
    public var compressedBytesMin = 1_024
    /// Larger answers of immediate routes are not packed, as that would hold up the loop; those of tasks are.
    public var compressedOnLoopBytesMax = 32_768
    /// Waiting bytes from which a stream counts as backed up, and under which it flows again.
    public var outboundHighWaterBytes = 262_144
    public var outboundLowWaterBytes = 65_536
    /// A stream that has more than this waiting is cut.
    public var outboundBytesMax = 4 << 20

    public init() {}
}
