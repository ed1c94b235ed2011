import HTTP
import Logging

extension ServiceLog {
    /// Clients that cannot or will not speak TLS are no fault of the server: they come all the time.
    static func tls(_ event: TLSCredentials.Event, _ log: Logger) {
        switch event {
        case .reloaded(let summary): log.notice("the certificates changed", metadata: ["now": "\(summary)"])
        case .reloadFailed(let error):
            log.error(
                "the certificates changed and cannot be used; the old ones stay",
                metadata: ["error": "\(error)"])
        case .connectionFailed(let failure, let peer):
            log.debug("\(failure)", metadata: ["peer": "\(peer)"])
        }
    }
}
