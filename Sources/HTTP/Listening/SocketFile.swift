import Glibc

/// The file of a unix socket, by its identity: a file that another process put in its place is not ours.
struct SocketFile: Equatable {
    let path: String
    private let device: dev_t
    private let inode: ino_t

    /// Nil when there is no socket at the path.
    init?(_ path: String) {
        var facts = stat()
        guard lstat(path, &facts) == 0, facts.st_mode & S_IFMT == S_IFSOCK else { return nil }
        self.path = path
        device = facts.st_dev
        inode = facts.st_ino
    }

    /// Unless it is another one by now.
    func remove() {
        if SocketFile(path) == self { unlink(path) }
    }

    /// Removes a socket that nobody listens at. Only ECONNREFUSED says so: a server whose queue is full answers
    /// EAGAIN, one of another user EACCES. (A file that is no socket refuses connections too, and is never touched.)
    ///
    /// - Returns: It is gone.
    static func removeStale(_ path: String, type: __socket_type = SOCK_STREAM) -> Bool {
        guard let file = SocketFile(path) else { return false }
        let fd = socket(AF_UNIX, Int32(type.rawValue) | O_CLOEXEC | O_NONBLOCK, 0)
        guard fd >= 0 else { return false }
        defer { close(fd) }
        guard SocketAddress.unix(path: path).connect(fd) != 0, errno == ECONNREFUSED else { return false }
        file.remove()
        return SocketFile(path) == nil
    }
}
