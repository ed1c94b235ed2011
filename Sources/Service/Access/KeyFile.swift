import HTTP

/// A file of API keys, one a line: the key, and after a space its name.
///
///     # Whose keys open the server
///     sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08 alice   # the hash of her key
///     a-key-as-it-is-sent bob
///
/// A name stands in the log, and keys of the same name count as one user; without a name a key is called after its
/// line, `line-3`. What follows a `#` that begins the line, or that a space stands before, is a comment.
enum KeyFile {
    static let bytesMax = 1 << 20
    static let nameBytesMax = 64
    private static let hashPrefix = "sha256:"

    static func read(_ path: String) throws(ServiceError) -> [APIKey] {
        let text: String
        do throws(FileReadError) {
            text = try SmallFile.read(path, bytesMax: bytesMax)
        } catch {
            throw ServiceError("cannot read the file of API keys \(path): \(error)")
        }
        return try parse(text, path)
    }

    /// - Throws: An error that names the line, and never what stands there.
    static func parse(_ text: String, _ path: String) throws(ServiceError) -> [APIKey] {
        var keys: [APIKey] = []
        // By line feeds of UTF-8: "\r\n" is one Character.
        let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
        for (index, line) in lines.enumerated() {
            let words = words(of: line)
            guard let first = words.first else { continue }
            let place = "\(path), line \(index + 1)"
            guard words.count <= 2 else {
                throw ServiceError("\(place): a line must be a key and its name, with no space in either")
            }
            let name = words.count == 2 ? words[1] : "line-\(index + 1)"
            guard isName(name) else {
                throw ServiceError(
                    "\(place): a name must have 1 to \(nameBytesMax) letters, digits or any of . _ @ -")
            }
            guard let key = key(first, name: name) else {
                throw ServiceError("\(place): a key must be \(expectation)")
            }
            guard !keys.contains(where: { $0.sha256 == key.sha256 }) else {
                throw ServiceError("\(place): this key is in the file already")
            }
            keys.append(key)
            guard keys.count < KeyRing.countMax else {
                throw ServiceError("\(path) may have fewer than \(KeyRing.countMax) keys")
            }
        }
        guard !keys.isEmpty else { throw ServiceError("the file of API keys \(path) has no key") }
        return keys
    }

    static let expectation =
        "1 to \(APIKey.bytesMax) visible ASCII characters, or sha256: and the 64 hexadecimal digits of its hash"

    /// - Returns: Nil when the text is no key and no hash of one.
    static func key(_ text: String, name: String) -> APIKey? {
        if text.hasPrefix(hashPrefix) {
            return APIKey(name: name, sha256: text.utf8.dropFirst(hashPrefix.utf8.count))
        }
        guard (1...APIKey.bytesMax).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
        else { return nil }
        return APIKey(name: name, secret: text.utf8)
    }

    /// The line that stands for a key without giving it away.
    static func line(_ key: APIKey) -> String { "\(hashPrefix)\(key.sha256) \(key.name)" }

    static func isName(_ text: String) -> Bool {
        (1...nameBytesMax).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                let lower = byte | 0x20
                return (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(lower)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || "._@-".utf8.contains(byte)
            }
    }

    /// What stands before the comment, cut at spaces.
    private static func words(of line: Substring.UTF8View) -> [String] {
        var words: [String] = []
        for word in line.split(whereSeparator: { $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) {
            if word.first == UInt8(ascii: "#") { break }
            words.append(String(Substring(word)))
        }
        return words
    }
}
