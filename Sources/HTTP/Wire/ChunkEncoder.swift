/// The chunked coding of a response body (RFC 9112 §7.1).
enum ChunkEncoder {
    static let end: [UInt8] = Array("0\r\n\r\n".utf8)

    /// One chunk. No bytes make no chunk: an empty one would end the body.
    static func append(_ bytes: [UInt8], to output: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        ResponseHead.append(bytes.count, to: &output, radix: 16)
        output.append(ASCII.carriageReturn)
        output.append(ASCII.lineFeed)
        output.append(contentsOf: bytes)
        output.append(ASCII.carriageReturn)
        output.append(ASCII.lineFeed)
    }
}
