import CZlib

/// Unpacks a request body as it arrives, within its limits: what would exceed them is never produced.
///
/// A few bytes can stand for gigabytes. So the unpacked size is limited like any body's, and the ratio too: memory
/// for the whole limit has to be paid for with a fair number of bytes.
final class Inflater {
    private static let scratchBytes = 16_384

    private let coding: ContentCoding
    private let limits: HTTPLimits
    private let bytesMax: Int
    /// zlib remembers where the stream lies, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: scratchBytes)
    private var bytesIn = 0
    private var bytesOut = 0
    /// The last member is complete.
    private var isAtEnd = false

    /// - Parameter bytesMax: Of the unpacked body.
    /// - Returns: Nil when there is no memory for it.
    init?(_ coding: ContentCoding, bytesMax: Int, limits: HTTPLimits) {
        self.coding = coding
        self.limits = limits
        self.bytesMax = bytesMax
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        guard apus_inflate_init(stream, coding.windowBits(15)) == Z_OK else { return nil }
    }

    deinit {
        inflateEnd(stream)
        stream.deallocate()
        scratch.deallocate()
    }

    /// Appends what comes out of `bytes` to `body`.
    func append(_ bytes: ArraySlice<UInt8>, to body: inout [UInt8]) throws(WireError) {
        bytesIn += bytes.count
        let fault = bytes.withUnsafeBufferPointer { input -> WireError? in
            do throws(WireError) {
                try inflateAll(input, to: &body)
                return nil
            } catch {
                return error
            }
        }
        if let fault { throw fault }
    }

    private func inflateAll(_ input: UnsafeBufferPointer<UInt8>, to body: inout [UInt8]) throws(WireError) {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
        stream.pointee.avail_in = UInt32(clamping: input.count)
        defer { stream.pointee.next_in = nil }
        while true {
            if isAtEnd {
                guard stream.pointee.avail_in > 0 else { return }
                // gzip files may follow each other (RFC 1952 §2.2); behind zlib's format nothing may.
                guard coding == .gzip, inflateReset(stream) == Z_OK else {
                    throw WireError(.bodyCoding, "The compressed body goes on behind its end.")
                }
                isAtEnd = false
            }
            stream.pointee.next_out = scratch
            stream.pointee.avail_out = UInt32(Self.scratchBytes)
            let result = inflate(stream, Z_NO_FLUSH)
            try take(Self.scratchBytes - Int(stream.pointee.avail_out), to: &body)
            switch result {
            case Z_STREAM_END: isAtEnd = true
            case Z_OK: break
            // Nothing more can be done with this input.
            case Z_BUF_ERROR: return
            default: throw WireError(.bodyCoding, "The body is not what its Content-Encoding says.")
            }
        }
    }

    private func take(_ count: Int, to body: inout [UInt8]) throws(WireError) {
        guard count <= bytesMax - bytesOut else {
            throw WireError(.bodyTooLarge, "The body may have \(bytesMax) bytes, unpacked.")
        }
        bytesOut += count
        guard bytesOut <= limits.inflatedBytesFree || bytesOut <= bytesIn * limits.inflationRatioMax else {
            throw WireError(
                .inflationRatio,
                "A compressed body of more than \(limits.inflatedBytesFree) bytes may unpack to "
                    + "\(limits.inflationRatioMax) times its size.")
        }
        body.append(contentsOf: UnsafeBufferPointer(start: scratch, count: count))
    }

    /// The body has ended.
    func end() throws(WireError) {
        guard isAtEnd else { throw WireError(.bodyCoding, "The compressed body ends too early.") }
    }
}
