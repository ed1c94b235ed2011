import CZlib

/// Packs bytes as gzip or zlib's format, in pieces. One thread at a time.
final class Deflater {
    enum Size {
        /// For one whole body: zlib's usual 256 KiB, for as long as that takes.
        case whole
        /// For a stream that lives long: about 32 KiB.
        case stream
    }

    enum Flush {
        /// What was put in can be read at the other end.
        case sync
        /// Nothing follows.
        case finish
    }

    /// Of 9: what follows costs twice the time for a few percent.
    private static let level: Int32 = 4
    private static let scratchBytes = 16_384
    private static let pieceBytesMax = Int(UInt32.max)

    /// zlib remembers where the stream lies, so it must not move.
    private let stream: UnsafeMutablePointer<z_stream>
    private let scratch = UnsafeMutablePointer<UInt8>.allocate(capacity: scratchBytes)

    /// Nil when there is no memory for it.
    init?(_ coding: ContentCoding, _ size: Size) {
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        let (windowBits, memoryLevel): (Int32, Int32) = size == .whole ? (15, 8) : (12, 5)
        let result = apus_deflate_init(stream, Self.level, coding.windowBits(windowBits), memoryLevel)
        guard result == Z_OK else { return nil }
    }

    deinit {
        deflateEnd(stream)
        stream.deallocate()
        scratch.deallocate()
    }

    /// Appends what comes out to `output`.
    ///
    /// - Parameter bytes: At most `pieceBytesMax`.
    func append(_ bytes: [UInt8], _ flush: Flush, to output: inout [UInt8]) {
        precondition(bytes.count <= Self.pieceBytesMax, "zlib counts in 32 bits")
        let mode = flush == .sync ? Z_SYNC_FLUSH : Z_FINISH
        bytes.withUnsafeBufferPointer { input in
            // zlib reads and does not write here.
            stream.pointee.next_in = UnsafeMutablePointer(mutating: input.baseAddress)
            stream.pointee.avail_in = UInt32(input.count)
            repeat {
                stream.pointee.next_out = scratch
                stream.pointee.avail_out = UInt32(Self.scratchBytes)
                deflate(stream, mode)
                let count = Self.scratchBytes - Int(stream.pointee.avail_out)
                output.append(contentsOf: UnsafeBufferPointer(start: scratch, count: count))
            } while stream.pointee.avail_out == 0
            stream.pointee.next_in = nil
        }
    }

    /// All of a body at once; nil when it is too large, or there is no memory for it.
    static func whole(_ bytes: [UInt8], _ coding: ContentCoding) -> [UInt8]? {
        guard bytes.count <= pieceBytesMax, let deflater = Deflater(coding, .whole) else { return nil }
        var output: [UInt8] = []
        output.reserveCapacity(bytes.count / 3)
        deflater.append(bytes, .finish, to: &output)
        return output
    }
}
