import Glibc

/// Where a unix socket is: a path, or an abstract name behind an `@`.
struct UnixAddress {
    private var storage = sockaddr_un()
    private var length = socklen_t(MemoryLayout<sa_family_t>.size)

    init(_ text: String) {
        storage.sun_family = sa_family_t(AF_UNIX)
        let name = text.hasPrefix("@") ? [0] + Array(text.utf8.dropFirst()) : Array(text.utf8) + [0]
        withUnsafeMutableBytes(of: &storage.sun_path) { $0.copyBytes(from: name.prefix($0.count)) }
        length += socklen_t(name.count)
    }

    /// - Parameter call: `bind` or `connect`.
    func apply(_ fd: Int32, _ call: (Int32, UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { call(fd, $0, length) }
        }
    }
}

/// A directory that is gone, with its files, when it is let go.
final class TemporaryDirectory: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/apus-test-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw RawClient.Failure(description: "no directory") }
        path = String(decoding: template.dropLast().map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    func file(_ name: String) -> String { path + "/" + name }

    /// Type and permissions; nil when there is no such file.
    func mode(_ name: String) -> mode_t? {
        var facts = stat()
        return lstat(file(name), &facts) == 0 ? facts.st_mode : nil
    }

    deinit {
        for name in ["a", "b", "hand-over"] { unlink(file(name)) }
        rmdir(path)
    }
}
