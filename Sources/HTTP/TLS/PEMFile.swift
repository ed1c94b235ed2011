import COpenSSL
import Glibc

/// A file of PEM blocks, read whole.
final class PEMFile {
    let path: String
    let bio: OpaquePointer
    private let bytes: UnsafeMutableRawBufferPointer

    init(_ path: String) throws(TLSError) {
        let bytes = try Self.read(path)
        guard let bio = BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
            Self.erase(bytes)
            throw TLSError(openSSL: path)
        }
        self.path = path
        self.bytes = bytes
        self.bio = bio
    }

    deinit {
        BIO_free(bio)
        Self.erase(bytes)
    }

    /// Why a block could not be read.
    func error(what: String, hint: String) -> TLSError {
        if !has(what.uppercased() + "-----") {
            ERR_clear_error()
            return TLSError("\(path): there is no \(what) in it; PEM is expected")
        }
        return TLSError("\(path): the \(what) cannot be read (\(TLSError.reason())); \(hint)")
    }

    /// The end of a block's first line, `PRIVATE KEY-----`, is somewhere. OpenSSL's own reason depends on its version.
    private func has(_ mark: String) -> Bool {
        let mark = Array(mark.utf8)
        guard bytes.count >= mark.count else { return false }
        return (0...bytes.count - mark.count).contains { start in
            bytes[start] == mark[0] && bytes[start..<start + mark.count].elementsEqual(mark)
        }
    }

    /// OpenSSL's last error says that there is no block, or no more, of the wanted kind.
    static var foundNoBlock: Bool {
        let code = ERR_peek_last_error()
        return ERR_GET_LIB(code) == ERR_LIB_PEM && ERR_GET_REASON(code) == PEM_R_NO_START_LINE
    }

    /// A key does not stay in memory that others get.
    private static func erase(_ bytes: UnsafeMutableRawBufferPointer) {
        OPENSSL_cleanse(bytes.baseAddress, bytes.count)
        bytes.deallocate()
    }

    private static func read(_ path: String) throws(TLSError) -> UnsafeMutableRawBufferPointer {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw TLSError("\(path): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        let buffer = UnsafeMutableRawBufferPointer.allocate(
            byteCount: TLSCertificate.fileBytesMax + 1, alignment: 1)
        var count = 0
        while count < buffer.count {
            let more = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, buffer.count - count)
            if more < 0, errno == EINTR { continue }
            guard more >= 0 else {
                let reason = String(cString: strerror(errno))
                erase(buffer)
                throw TLSError("\(path): \(reason)")
            }
            if more == 0 { break }
            count += more
        }
        defer { erase(buffer) }
        guard count <= TLSCertificate.fileBytesMax else {
            throw TLSError("\(path): it has more than \(TLSCertificate.fileBytesMax) bytes")
        }
        let bytes = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        return bytes
    }
}
