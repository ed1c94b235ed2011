/// What one request body may still cost.
struct BodyBudget {
    private let limits: HTTPLimits
    /// Decoded bytes that the body may have.
    var bytesMax = 0
    private var bytes = 0
    private var chunks = 0
    private var extensionBytes = 0
    private(set) var trailerBytes = 0
    private var trailers = 0

    init(limits: HTTPLimits) {
        self.limits = limits
        restart()
    }

    /// Another body follows.
    mutating func restart() {
        bytesMax = limits.bodyBytesMax
        bytes = 0
        chunks = 0
        extensionBytes = 0
        trailerBytes = 0
        trailers = 0
    }

    /// So many more bytes of body are announced.
    mutating func admit(_ count: Int) throws(WireError) {
        guard count <= bytesMax - bytes else {
            throw WireError(.bodyTooLarge, "The body may have \(bytesMax) bytes.", reached: .bodyBytes)
        }
        bytes += count
    }

    /// Many tiny chunks, and long extensions, cost much more than what they carry.
    mutating func admit(_ chunk: ChunkLine) throws(WireError) {
        extensionBytes += chunk.extensionBytes
        guard extensionBytes <= limits.chunkExtensionBytesMax else {
            throw WireError(
                .chunk, "Chunk extensions may have \(limits.chunkExtensionBytesMax) bytes in one body.",
                reached: .chunkExtensionBytes)
        }
        if chunk.size == 0 { return }
        try admit(chunk.size)
        chunks += 1
        guard chunks <= limits.chunkCountFree || bytes / chunks >= limits.chunkMeanBytesMin else {
            throw WireError(.chunk, "The chunks of this body are too small.", reached: .chunkMeanBytes)
        }
    }

    mutating func admitTrailer(bytes: Int) throws(WireError) {
        trailerBytes += bytes
        trailers += 1
        guard trailers <= limits.trailerCountMax else {
            throw WireError(
                .fieldsTooLarge, "A request may have \(limits.trailerCountMax) trailers.",
                reached: .trailerCount)
        }
    }
}
