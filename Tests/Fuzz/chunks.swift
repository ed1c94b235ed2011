@testable import HTTP

// The decoder of chunked bodies. The first byte chooses the limits and a place to cut; the rest is the body.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzChunks(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = FuzzInput(data, count)
    guard let choice = input.first else { return 0 }
    let limits = choice & 1 == 0 ? HTTPLimits() : .tight
    let head = Array("POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
    let bytes = head + input.dropFirst()
    let whole = WireOutcome.of([bytes[...]], limits: limits)
    let cut = head.count + Int(choice >> 1) * (bytes.count - head.count) / 127
    precondition(
        WireOutcome.of([bytes[..<cut], bytes[cut...]], limits: limits) == whole, "a cut changes the outcome")
    if bytes.count <= 256 {
        let single = WireOutcome.of(bytes.indices.map { bytes[$0...$0] }, limits: limits)
        precondition(single == whole, "single bytes change the outcome")
    }
    return 0
}
