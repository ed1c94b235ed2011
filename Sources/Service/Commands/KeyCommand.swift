import Glibc
import HTTP

/// `apus key`: makes an API key. The line for the file goes to standard output, the key itself to standard error, so
/// that it is seen once and stored nowhere.
public enum KeyCommand {
    /// 43 letters and digits: 256 random bits.
    private static let letters = 43
    private static let prefix = "apus-"

    public static func run(name: String) throws {
        guard KeyFile.isName(name) else {
            throw ServiceError(
                "a name must have 1 to \(KeyFile.nameBytesMax) letters, digits or any of . _ @ -, but is '\(name)'"
            )
        }
        let (secret, line) = make(name: name)
        LogOutput.writeAll(Array("\(secret)\n".utf8), to: STDERR_FILENO)
        LogOutput.writeAll(Array("\(line)\n".utf8), to: STDOUT_FILENO)
    }

    static func make(name: String) -> (secret: String, line: String) {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789".utf8)
        var generator = SystemRandomNumberGenerator()
        let random = (0..<letters).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)]
        }
        let secret = prefix + String(decoding: random, as: UTF8.self)
        return (secret, KeyFile.line(APIKey(name: name, secret: secret.utf8)))
    }
}
