import Glibc
import Testing

@testable import HTTP

@Suite("Listener")
struct ListenerTests {
    @Test(
        "What accept(2) passes on of one connection's death does not stop the others (check 90)",
        arguments: [
            ECONNABORTED, EINTR, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, EOPNOTSUPP,
            ENETUNREACH, EPERM,
        ])
    func transient(error: Int32) {
        #expect(Listener.transientErrors.contains(error))
    }

    @Test(
        "Being out of something is no such error: accepting at once again would spin",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM])
    func exhausted(error: Int32) {
        #expect(!Listener.transientErrors.contains(error))
    }
}
