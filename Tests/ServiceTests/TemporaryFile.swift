import Glibc
import Testing

/// A file that goes with its last reference.
final class TemporaryFile: Sendable {
    let path: String

    init(_ text: String) throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        try #require(descriptor >= 0)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let bytes = Array(text.utf8)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        close(descriptor)
    }

    deinit { unlink(path) }
}

enum Repository {
    /// The directory of Package.swift.
    static let root = String(#filePath.dropLast("/Tests/ServiceTests/TemporaryFile.swift".count))
}
