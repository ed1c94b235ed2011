import JSON
import ModelFiles

/// Text to tokens and back, as a model file describes it.
///
/// What it gives for valid UTF-8 is what llama.cpp gives; the golden tests hold it to that. Encoding costs n
/// log n at worst, whatever the text. All methods may be called from any thread.
public final class Tokenizer: Sendable {
    /// Callers refuse longer texts; here they are a programmer's error. Three pairs a byte may wait in a
    /// `MergeChain`, and their places are 32-bit.
    public static let textBytesMax = 1 << 29

    /// The tokens are 0 ..< vocabularyCount.
    public var vocabularyCount: Int { vocabulary.count }
    public let bosToken: TokenID?
    public let eosToken: TokenID?
    /// Tokens after which a model has nothing more to say.
    public let endOfGeneration: Set<TokenID>
    /// Whether `encode(addSpecial: true)` starts with `bosToken` and ends with `eosToken` (BERT: its
    /// separator).
    public let addsBOS: Bool
    public let addsEOS: Bool
    /// Nil when the model cannot be asked for the text between two others.
    public let fillInMiddle: FillInMiddle?

    let vocabulary: Vocabulary
    /// A decoded text starts with a space that encoding put there.
    let hasSpacePrefix: Bool
    private let specials: SpecialTokens
    private let prefix: [TokenID]
    private let suffix: [TokenID]
    private let encoders: EncoderPool

    /// - Throws: `TokenizerError` that names the key of the model file that is missing, wrong or not
    ///   supported.
    public convenience init(_ metadata: GGUFMetadata) throws(TokenizerError) {
        try self.init(TokenizerSource(metadata))
    }

    /// Reads the `tokenizer.json` of a model folder: WordPiece, as BERT uses it.
    public convenience init(_ folder: ModelFolder) throws(TokenizerError) {
        let file: JSONObject
        do {
            file = try folder.object("tokenizer.json")
        } catch {
            throw .metadata(error)
        }
        try self.init(TokenizerSource(wordPiece: file))
    }

    init(_ source: TokenizerSource) throws(TokenizerError) {
        let source = source.withDefaults()
        let parts = try TokenizerParts(source)
        vocabulary = parts.vocabulary
        specials = parts.specials
        encoders = parts.encoders
        endOfGeneration = parts.endOfGeneration
        hasSpacePrefix = parts.hasSpacePrefix
        bosToken = source.bos
        eosToken = source.eos
        fillInMiddle = FillInMiddle(source)
        addsBOS = parts.prefix != nil
        addsEOS = parts.suffix != nil
        prefix = parts.prefix.map { [$0] } ?? []
        suffix = parts.suffix.map { [$0] } ?? []
    }

    /// - Parameters:
    ///   - addSpecial: whether the tokens that open and close a text are added, as far as the model has them.
    ///   - parseSpecial: whether the texts of control tokens in `text` are those tokens: never for a user's
    ///     text.
    public func encode(_ text: some Sequence<UInt8>, addSpecial: Bool, parseSpecial: Bool) -> [TokenID] {
        let bytes = ContiguousArray(text)
        return bytes.withUnsafeBufferPointer { bytes in
            encode(bytes, trusted: parseSpecial ? [0..<bytes.count] : [], addSpecial: addSpecial)
        }
    }

    public func encode(_ text: String, addSpecial: Bool, parseSpecial: Bool) -> [TokenID] {
        var text = text
        return text.withUTF8 { bytes in
            encode(bytes, trusted: parseSpecial ? [0..<bytes.count] : [], addSpecial: addSpecial)
        }
    }

    /// Encodes a prompt that is partly a template's text and partly a user's. The segments are one text:
    /// words run across their borders. A control token is only found where all of its bytes lie in segments
    /// that parse them.
    public func encode(segments: [TextSegment], addSpecial: Bool) -> [TokenID] {
        var text: ContiguousArray<UInt8> = []
        text.reserveCapacity(segments.reduce(0) { $0 + $1.bytes.count })
        var trusted: [Range<Int>] = []
        for segment in segments where !segment.bytes.isEmpty {
            let start = text.count
            text.append(contentsOf: segment.bytes)
            guard segment.parsesSpecial else { continue }
            if let last = trusted.last, last.upperBound == start {
                trusted[trusted.count - 1] = last.lowerBound..<text.count
            } else {
                trusted.append(start..<text.count)
            }
        }
        return text.withUnsafeBufferPointer { encode($0, trusted: trusted, addSpecial: addSpecial) }
    }

    private func encode(
        _ text: UnsafeBufferPointer<UInt8>, trusted: [Range<Int>], addSpecial: Bool
    ) -> [TokenID] {
        precondition(
            text.count <= Self.textBytesMax, "\(text.count) bytes of text; at most \(Self.textBytesMax)")
        var tokens: [TokenID] = []
        tokens.reserveCapacity(text.count / 4 + 8)
        if addSpecial { tokens += prefix }
        let fragments = specials.partition(text, trusted: trusted)
        if !fragments.isEmpty {
            encoders.withEncoder { encoder in
                var afterSpecial = true
                for fragment in fragments {
                    switch fragment {
                    case .token(let token):
                        tokens.append(token)
                        afterSpecial = true
                    case .text(let range):
                        let part = UnsafeBufferPointer(rebasing: text[range])
                        encoder.append(part, afterSpecial: afterSpecial, to: &tokens)
                        afterSpecial = false
                    }
                }
            }
        }
        if addSpecial { tokens += suffix }
        return tokens
    }

    /// Whether the token is a control token: it has no text in an answer.
    public func isControl(_ token: TokenID) -> Bool { vocabulary.isHidden(token) }

    /// The bytes that a token adds to a text: maybe half a UTF-8 character. Control tokens give their text
    /// only when asked, ids outside the vocabulary nothing. A slice: its indices start anywhere.
    public func bytes(of token: TokenID, special: Bool = false) -> ArraySlice<UInt8> {
        guard vocabulary.contains(token), special || !vocabulary.isHidden(token) else { return [] }
        return vocabulary.pieces[Int(token)]
    }

    /// The bytes of a whole text, without the space that encoding may have put at its start. They need not be
    /// UTF-8: a model can stop in the middle of a character.
    /// - Parameter special: whether control tokens show their texts.
    public func decode(_ tokens: some Sequence<TokenID>, special: Bool = false) -> [UInt8] {
        var text: [UInt8] = []
        var isStart = hasSpacePrefix
        for token in tokens {
            var piece = bytes(of: token, special: special)
            if isStart && !vocabulary.isHidden(token) {
                if piece.first == UInt8(ascii: " ") { piece = piece.dropFirst() }
                isStart = false
            }
            text.append(contentsOf: piece)
        }
        return text
    }
}
