import ModelFiles

/// Turns ordinary text into the tokens of a SentencePiece vocabulary.
///
/// Holds working memory and remembers words; one thread at a time.
final class SentencePieceEncoder: TextEncoder {
    private let model: SentencePieceModel
    private let chain: MergeChain
    private let cache = WordCache()
    /// The part in work with its spaces written ▁, and where each of its characters starts, with the end
    /// behind the last.
    private var escaped: [UInt8] = []
    private var starts: [Int32] = []
    /// What the pair that starts at each character becomes.
    private var merged: [TokenID] = []
    /// Working memory for more bytes than this is given back after use.
    private static let bytesKept = 1 << 16

    init(_ model: SentencePieceModel) {
        self.model = model
        chain = MergeChain(rankCount: model.rankCount)
    }

    func append(_ text: UnsafeBufferPointer<UInt8>, afterSpecial: Bool, to tokens: inout [TokenID]) {
        guard !text.isEmpty else { return }
        if afterSpecial && model.addsSpacePrefix {
            var prefixed: ContiguousArray<UInt8> = [UInt8(ascii: " ")]
            prefixed.reserveCapacity(text.count + 1)
            prefixed.append(contentsOf: text)
            prefixed.withUnsafeBufferPointer { append($0, to: &tokens) }
        } else {
            append(text, to: &tokens)
        }
    }

    /// Cuts the text where no token can span, and merges each part.
    private func append(_ text: UnsafeBufferPointer<UInt8>, to tokens: inout [TokenID]) {
        guard let base = text.baseAddress else { return }
        var start = 0
        var at = 0
        /// The last byte of the character before `at`; 0x20 for ▁.
        var left: UInt8 = 0
        while at < text.count {
            let length = Self.characterLength(base, at, text.count)
            let isSpace = SpaceMark.isAt(at, base, text.count)
            let right = isSpace ? UInt8(ascii: " ") : base[at]
            if at > start && model.borders.isBorder(left, right) {
                appendPart(base + start, at - start, readable: text.count - start, to: &tokens)
                start = at
            }
            left = isSpace ? right : base[at + length - 1]
            at += length
        }
        appendPart(base + start, at - start, readable: text.count - start, to: &tokens)
    }

    /// As the reference counts: by the first byte's upper half, whatever follows.
    @inline(__always)
    private static func characterLength(_ text: UnsafePointer<UInt8>, _ at: Int, _ end: Int) -> Int {
        switch text[at] {
        case 0..<0xC0: 1
        case 0xC0..<0xE0: min(2, end - at)
        case 0xE0..<0xF0: min(3, end - at)
        default: min(4, end - at)
        }
    }

    @inline(__always)
    private func appendPart(
        _ part: UnsafePointer<UInt8>, _ count: Int, readable: Int, to tokens: inout [TokenID]
    ) {
        guard count <= WordCache.wordBytesMax else { return mergePart(part, count, to: &tokens) }
        let key = WordCache.Key(part, count, readable: readable)
        if cache.append(key, to: &tokens) { return }
        let start = tokens.count
        mergePart(part, count, to: &tokens)
        cache.insert(key, tokens[start...])
    }

    private func mergePart(_ part: UnsafePointer<UInt8>, _ length: Int, to tokens: inout [TokenID]) {
        escape(part, length)
        let count = starts.count - 1
        escaped.withUnsafeBufferPointer { escaped in
            starts.withUnsafeBufferPointer { starts in
                merged.withUnsafeMutableBufferPointer { merged in
                    guard let text = escaped.baseAddress, let starts = starts.baseAddress,
                        let merged = merged.baseAddress
                    else { return }
                    merge(Part(text: text, starts: starts, merged: merged, count: count), to: &tokens)
                }
            }
        }
        if escaped.capacity > Self.bytesKept {
            escaped = []
            starts = []
            merged = []
            chain.shrink()
        }
    }

    private func escape(_ part: UnsafePointer<UInt8>, _ length: Int) {
        escaped.removeAll(keepingCapacity: true)
        starts.removeAll(keepingCapacity: true)
        var at = 0
        while at < length {
            starts.append(Int32(truncatingIfNeeded: escaped.count))
            let count = Self.characterLength(part, at, length)
            if part[at] == UInt8(ascii: " ") {
                escaped.append(contentsOf: SpaceMark.bytes)
            } else {
                escaped.append(contentsOf: UnsafeBufferPointer(start: part + at, count: count))
            }
            at += count
        }
        starts.append(Int32(truncatingIfNeeded: escaped.count))
        if merged.count < starts.count { merged = [TokenID](repeating: -1, count: starts.count) }
    }

    private struct Part {
        let text: UnsafePointer<UInt8>
        let starts: UnsafePointer<Int32>
        let merged: UnsafeMutablePointer<TokenID>
        /// Characters.
        let count: Int

        /// The token of the characters from `first` up to `end`; -1 if there is none.
        @inline(__always)
        func token(_ first: Int, _ end: Int, _ table: TokenTable) -> TokenID {
            table.find(text + Int(starts[first]), Int(starts[end] - starts[first]))
        }
    }

    private func merge(_ part: Part, to tokens: inout [TokenID]) {
        chain.reset(part.count) { UInt32(bitPattern: part.token($0, $0 + 1, model.table)) }
        for i in 0..<part.count - 1 { propose(i, part) }
        while let left = chain.popBest() {
            chain.merge(left, into: UInt32(bitPattern: part.merged[left]))
            let previous = chain.previous(left)
            if previous >= 0 { propose(previous, part) }
            if chain.next(left) < part.count { propose(left, part) }
        }
        var at = 0
        while at < part.count {
            let end = chain.next(at)
            let token = TokenID(bitPattern: chain.symbol(at))
            if token >= 0 {
                tokens.append(token)
            } else {
                for byte in Int(part.starts[at])..<Int(part.starts[end]) {
                    let fallback = model.byteTokens.base[Int(part.text[byte])]
                    if fallback >= 0 { tokens.append(fallback) }
                }
            }
            at = end
        }
    }

    /// Looks up what the pair that starts at `left` would become.
    @inline(__always)
    private func propose(_ left: Int, _ part: Part) {
        let token = part.token(left, chain.next(chain.next(left)), model.table)
        part.merged[left] = token
        chain.propose(left, rank: token < 0 ? MergeChain.noRank : model.ranks.base[Int(token)])
    }
}
