/// What stands before the first request on a connection whose listener requires a PROXY header.
struct ProxyGate {
    enum Step: Equatable {
        /// More is needed, at most `capacity` bytes.
        case wait
        /// The header ended. What came behind it is the client's.
        case open(client: ProxyHeader.Client?, rest: [UInt8])
        case refuse(ProxyHeader.Fault)
    }

    private let bytesMax: Int
    private var held: [UInt8] = []

    init(limits: HTTPLimits) {
        bytesMax = limits.proxyHeaderBytesMax
    }

    /// How many bytes `receive` may be given: no more are held than a header may have.
    var capacity: Int { bytesMax - held.count }

    mutating func receive(_ bytes: some Collection<UInt8>) -> Step {
        held.append(contentsOf: bytes)
        switch ProxyHeader.parse(held, bytesMax: bytesMax) {
        case .incomplete: return capacity > 0 ? .wait : .refuse(.oversized)
        case .complete(let length, let client): return .open(client: client, rest: Array(held[length...]))
        case .invalid(let fault): return .refuse(fault)
        }
    }
}
