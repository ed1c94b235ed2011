/// The limits of `HTTPLimits` that something can run into, to count how often each one was reached.
///
/// A limit has one name everywhere: its setting's (`header-bytes-max`) is also the one under which it is counted.
/// What `HTTPLimits` has beside these only shapes one of them (`bodyRateGrace`, `chunkCountFree`,
/// `outboundLowWaterBytes`), or is an interval (`acceptPause`, `eventStreamPingInterval`).
public enum HTTPLimit: Int, CaseIterable, Sendable {
    // The request is refused.
    case requestLineBytes, methodBytes, leadingEmptyLines
    case fieldLineBytes, headerBytes, fieldCount
    case bodyBytes, chunkLineBytes, chunkExtensionBytes, chunkMeanBytes, trailerBytes, trailerCount
    case headerTimeout, bodyIdleTimeout, bodyRate
    // The client's id is replaced.
    case requestIDBytes
    // The connection ends.
    case writeStallTimeout, keepAliveTimeout, lingerTimeout, lingerBytes, halfCloseGrace, drainTimeout
    case requestsPerConnection, outboundBytes
    // Somebody has to wait.
    case connections, connectionsReserve, pipelinedBytes, requestsPerTurn, outboundHighWater

    public var name: String {
        switch self {
        case .requestLineBytes: "request-line-bytes-max"
        case .methodBytes: "method-bytes-max"
        case .leadingEmptyLines: "leading-empty-lines-max"
        case .fieldLineBytes: "field-line-bytes-max"
        case .headerBytes: "header-bytes-max"
        case .fieldCount: "field-count-max"
        case .bodyBytes: "body-bytes-max"
        case .chunkLineBytes: "chunk-line-bytes-max"
        case .chunkExtensionBytes: "chunk-extension-bytes-max"
        case .chunkMeanBytes: "chunk-mean-bytes-min"
        case .trailerBytes: "trailer-bytes-max"
        case .trailerCount: "trailer-count-max"
        case .headerTimeout: "header-timeout"
        case .bodyIdleTimeout: "body-idle-timeout"
        case .bodyRate: "body-bytes-per-second-min"
        case .requestIDBytes: "request-id-bytes-max"
        case .writeStallTimeout: "write-stall-timeout"
        case .keepAliveTimeout: "keep-alive-timeout"
        case .lingerTimeout: "linger-timeout"
        case .lingerBytes: "linger-bytes-max"
        case .halfCloseGrace: "half-close-grace"
        case .drainTimeout: "drain-timeout"
        case .requestsPerConnection: "requests-per-connection-max"
        case .outboundBytes: "outbound-bytes-max"
        case .connections: "connections-max"
        case .connectionsReserve: "connections-reserve"
        case .pipelinedBytes: "pipelined-bytes-max"
        case .requestsPerTurn: "requests-per-turn-max"
        case .outboundHighWater: "outbound-high-water-bytes"
        }
    }
}
