import COpenSSL

/// One API key, as its SHA-256: whoever reads the memory or the file of hashes has no key.
public struct APIKey: Sendable, Equatable, CustomStringConvertible {
    /// A longer one is refused before it is hashed.
    public static let bytesMax = 512
    static let digestBytes = 32

    /// Whose key it is: for the log, and for sharing the work. Not secret.
    public let name: String
    let digest: [UInt8]

    public var description: String { name }

    public init(name: String, secret: some Collection<UInt8>) {
        self.name = name
        digest = Self.sha256(Array(secret))
    }

    /// - Parameter hex: 64 hexadecimal digits.
    public init?(name: String, sha256 hex: some Collection<UInt8>) {
        var digest: [UInt8] = []
        var high: UInt8?
        for byte in hex {
            guard let value = ASCII.hexValue(byte) else { return nil }
            if let first = high {
                digest.append(first << 4 | value)
                high = nil
            } else {
                high = value
            }
        }
        guard high == nil, digest.count == Self.digestBytes else { return nil }
        self.name = name
        self.digest = digest
    }

    /// The digest in hexadecimal digits.
    public var sha256: String {
        var text: [UInt8] = []
        for byte in digest {
            if byte < 16 { text.append(UInt8(ascii: "0")) }
            ResponseHead.append(Int(byte), to: &text, radix: 16)
        }
        return String(decoding: text, as: UTF8.self)
    }

    static func sha256(_ bytes: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: digestBytes)
        SHA256(bytes, bytes.count, &digest)
        return digest
    }
}

/// The keys that open a server.
public struct KeyRing: Sendable {
    /// All of them are compared for each request: more would take noticeable time of the loop.
    public static let countMax = 1_000

    private let names: [String]
    /// One after the other.
    private let digests: [UInt8]

    /// - Parameter keys: At most `countMax`.
    public init(_ keys: [APIKey]) {
        precondition(keys.count <= Self.countMax, "too many keys")
        names = keys.map(\.name)
        digests = keys.flatMap(\.digest)
    }

    public var count: Int { names.count }

    /// Whose key it is; nil when it is nobody's.
    ///
    /// Every key is compared, and each in constant time, so that the time tells nothing of how near a guess was, nor
    /// of which key it was.
    func name(of secret: ArraySlice<UInt8>) -> String? {
        guard !secret.isEmpty, secret.count <= APIKey.bytesMax else { return nil }
        let digest = APIKey.sha256(Array(secret))
        var found: Int?
        digests.withUnsafeBytes { all in
            for index in names.indices {
                guard let start = all.baseAddress else { return }
                let candidate = start + index * APIKey.digestBytes
                if CRYPTO_memcmp(candidate, digest, APIKey.digestBytes) == 0 { found = index }
            }
        }
        return found.map { names[$0] }
    }
}
