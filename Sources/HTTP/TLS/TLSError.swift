import COpenSSL

/// Certificates or keys that cannot be used.
public struct TLSError: Error, Sendable, Equatable, CustomStringConvertible {
    /// Names the file and says what is wrong with it.
    public let description: String

    init(_ description: String) {
        self.description = description
    }

    /// - Parameter what: The file or the step that failed; OpenSSL's reason is added.
    init(openSSL what: String) {
        description = "\(what): \(Self.reason())"
    }

    /// The reason of OpenSSL's last error in this thread; forgets it.
    static func reason() -> String {
        let code = ERR_peek_last_error()
        ERR_clear_error()
        guard code != 0, let text = ERR_reason_error_string(code) else { return "unknown error" }
        return String(cString: text)
    }
}
