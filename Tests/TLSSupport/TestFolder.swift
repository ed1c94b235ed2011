import Glibc

/// A directory of its own, removed with its files at the end.
public final class TestFolder: @unchecked Sendable {
    public let path: String

    public init() throws {
        var template = Array("/tmp/apus-tls-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw TestFailure("no directory") }
        path = String(cString: made)
    }

    deinit {
        for file in files { unlink(file) }
        for directory in directories.reversed() { rmdir(directory) }
        rmdir(path)
    }

    private var files: Set<String> = []
    private var directories: [String] = []

    /// Writes a file, a new one if there is one of that name, and returns its path.
    ///
    /// Times of files are only as fine as the kernel's ticks: two versions written over each other in one look the same.
    @discardableResult
    public func write(_ name: String, _ text: String) throws -> String {
        let file = "\(path)/\(name)"
        guard let stream = fopen(file + "_new", "w") else { throw TestFailure("cannot write \(file)") }
        fputs(text, stream)
        fclose(stream)
        guard rename(file + "_new", file) == 0 else { throw TestFailure("cannot write \(file)") }
        files.insert(file)
        return file
    }

    public func makeDirectory(_ name: String) throws {
        guard mkdir("\(path)/\(name)", 0o700) == 0 else { throw TestFailure("no directory \(name)") }
        directories.append("\(path)/\(name)")
    }

    /// Lets `name` point to `target`, in one step as Kubernetes does it.
    @discardableResult
    public func link(_ name: String, to target: String) throws -> String {
        let link = "\(path)/\(name)"
        guard symlink(target, link + "_new") == 0, rename(link + "_new", link) == 0 else {
            throw TestFailure("no link \(name)")
        }
        files.insert(link)
        return link
    }
}
