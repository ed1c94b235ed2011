import Glibc

/// The bytes of a file, mapped read-only; unmapped when the last owner lets go.
///
/// The mapping sees later changes of the file, and a file that is truncated while it is mapped takes the
/// process down with SIGBUS, as with every mapping: a model file is replaced by renaming, never in place.
final class FileMapping: Sendable {
    /// Immutable memory, valid as long as this object.
    nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

    init(path: String) throws(ModelFileError) {
        func fail(_ what: String) -> ModelFileError {
            ModelFileError(path: path, field: "file", reason: "\(what): \(String(cString: strerror(errno)))")
        }
        // O_NONBLOCK: a FIFO must not hold the open until somebody writes to it.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw fail("cannot open") }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw fail("cannot read its size") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw ModelFileError(path: path, field: "file", reason: "not a regular file")
        }
        guard status.st_size > 0 else { throw ModelFileError(path: path, field: "file", reason: "empty") }
        let address = mmap(nil, Int(status.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0)
        guard let address, address != MAP_FAILED else { throw fail("cannot map \(status.st_size) bytes") }
        bytes = UnsafeRawBufferPointer(start: address, count: Int(status.st_size))
    }

    deinit {
        munmap(UnsafeMutableRawPointer(mutating: bytes.baseAddress), bytes.count)
    }
}
