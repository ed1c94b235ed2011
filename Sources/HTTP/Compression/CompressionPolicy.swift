/// What is packed and unpacked; `HTTPLimits` says within which limits.
public struct CompressionPolicy: Sendable {
    /// Whole answers of at least `HTTPLimits.compressedBytesMin`, for clients that accept it.
    public var answers = true
    /// Event streams, event by event, for clients that accept it. Off: it costs time and 32 KiB a stream, and
    /// proxies that buffer packed streams exist.
    public var streams = false
    /// Request bodies may be packed; otherwise they are refused with 415.
    public var requests = true

    public init() {}

    /// Nothing is packed.
    static let off = {
        var policy = CompressionPolicy()
        policy.answers = false
        policy.requests = false
        return policy
    }()
}
