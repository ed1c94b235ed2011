import CLinux
import Glibc

/// The message with which one process gives another its listening sockets.
///
/// A new process connects to a unix socket of the old one, and gets one message with the descriptors (SCM_RIGHTS) and
/// their names. It loads, begins to accept, and then sends one byte; from then on the old one takes no more
/// connections, and serves what it has. If it goes away before, the old one goes on as if nothing had been.
///
/// Both have the same sockets open, so there is never a moment without a listener, and what waits in the queue of one
/// waits for either. The hand-over socket itself is among what is given, so the next one finds it at the same path.
enum HandOver {
    /// What the new process sends when it accepts.
    static let ready: UInt8 = 0x52
    /// Listening sockets, and the one that they are asked for at.
    static let socketCountMax = ListenerConfiguration.countMax + 1
    static let messageBytesMax = 16_384
    /// What a new process waits for an old one that does not answer.
    static let answerTimeoutSeconds = 10

    private static let title = "apus listening sockets, 1"

    /// The names stand in the order of the descriptors, which are one more: the hand-over socket comes first.
    static func message(_ names: [String]) -> [UInt8] {
        Array(([title] + names).joined(separator: "\n").utf8)
    }

    /// Nil when it is no such message.
    static func names(_ message: some Collection<UInt8>) -> [String]? {
        let lines = message.split(separator: ASCII.lineFeed, omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard lines.first == title else { return nil }
        return Array(lines.dropFirst())
    }

    /// Seqpacket: one message is one message.
    static func socket() throws(SystemError) -> Int32 {
        let fd = Glibc.socket(AF_UNIX, Int32(SOCK_SEQPACKET.rawValue) | O_CLOEXEC, 0)
        guard fd >= 0 else { throw SystemError(call: "socket", code: errno) }
        return fd
    }

    /// The other end is a process of the same user, or of root: nobody else gives us sockets or gets ours.
    static func isTrusted(_ fd: Int32) -> Bool {
        var pid: UInt32 = 0
        var uid: UInt32 = 0
        guard apus_peer_credentials(fd, &pid, &uid) == 0 else { return false }
        return uid == geteuid() || uid == 0
    }
}
