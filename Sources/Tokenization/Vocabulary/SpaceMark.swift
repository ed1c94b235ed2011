/// ▁, U+2581, which stands for a space in SentencePiece and WordPiece vocabularies.
enum SpaceMark {
    static let bytes: [UInt8] = [0xE2, 0x96, 0x81]

    /// Whether ▁ stands at `text[at]`.
    @inline(__always)
    static func isAt(_ at: Int, _ text: UnsafePointer<UInt8>, _ end: Int) -> Bool {
        end - at >= 3 && text[at] == 0xE2 && text[at + 1] == 0x96 && text[at + 2] == 0x81
    }

    /// Appends the text with a space for each ▁.
    static func unescape(_ text: UnsafeBufferPointer<UInt8>, into bytes: inout [UInt8]) {
        guard let base = text.baseAddress else { return }
        var at = 0
        while at < text.count {
            let isMark = isAt(at, base, text.count)
            bytes.append(isMark ? UInt8(ascii: " ") : base[at])
            at += isMark ? 3 : 1
        }
    }
}
