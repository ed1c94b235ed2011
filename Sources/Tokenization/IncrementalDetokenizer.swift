import ModelFiles

/// Turns tokens into text as they come, one answer each.
///
/// What it gives is always whole characters: bytes of a character that later tokens may complete wait. Bytes
/// that can no longer become one are given as U+FFFD, one for each maximal part of a broken character
/// (Unicode 15.1, section 3.9). All that was given, with `finish()`, equals the repaired text of
/// `Tokenizer.decode`.
public struct IncrementalDetokenizer: Sendable {
    private let tokenizer: Tokenizer
    private let special: Bool
    /// Control tokens that show their texts all the same.
    private let shown: Set<TokenID>
    /// The next piece opens the text: the space that encoding puts there is not the model's.
    private var isStart: Bool
    /// The start of a character: at most three bytes.
    private var pending: [UInt8] = []

    private static let replacement: [UInt8] = [0xEF, 0xBF, 0xBD]

    /// - Parameters:
    ///   - special: whether control tokens show their texts.
    ///   - shown: control tokens that do so in any case.
    ///   - continuesText: true for an answer to a prompt, whose first space belongs to it; false for a text
    ///     of its own.
    public init(
        _ tokenizer: Tokenizer, special: Bool = false, shown: Set<TokenID> = [], continuesText: Bool = true
    ) {
        self.tokenizer = tokenizer
        self.special = special
        self.shown = shown
        isStart = tokenizer.hasSpacePrefix && !continuesText
    }

    /// The bytes that wait for the rest of their character.
    public var pendingBytes: Int { pending.count }

    /// The text that the token completes, as valid UTF-8; maybe none.
    public mutating func append(_ token: TokenID) -> [UInt8] {
        var piece = tokenizer.bytes(of: token, special: special || shown.contains(token))
        if isStart && !tokenizer.isControl(token) {
            if piece.first == UInt8(ascii: " ") { piece = piece.dropFirst() }
            isStart = false
        }
        guard !piece.isEmpty else { return [] }
        pending.append(contentsOf: piece)
        return takeWhole(isEnd: false)
    }

    /// The bytes that still wait, repaired. Afterwards the next answer may begin.
    public mutating func finish() -> [UInt8] {
        takeWhole(isEnd: true)
    }

    private mutating func takeWhole(isEnd: Bool) -> [UInt8] {
        var text: [UInt8] = []
        var at = 0
        pending.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            scan: while at < bytes.count {
                switch UTF8Bytes.step(base, at, bytes.count) {
                case .whole(let length):
                    text.append(contentsOf: bytes[at..<at + length])
                    at += length
                case .broken(let length):
                    text.append(contentsOf: Self.replacement)
                    at += length
                case .partial:
                    guard isEnd else { break scan }
                    text.append(contentsOf: Self.replacement)
                    at = bytes.count
                }
            }
        }
        pending.removeSubrange(..<at)
        return text
    }
}
