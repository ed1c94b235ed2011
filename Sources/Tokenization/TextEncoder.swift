import ModelFiles

/// Turns text without special tokens into tokens. Holds working memory: one thread at a time.
protocol TextEncoder: AnyObject {
    /// - Parameters:
    ///   - text: below 2^31 bytes, any bytes.
    ///   - afterSpecial: whether the text follows a special token or starts the input.
    func append(_ text: UnsafeBufferPointer<UInt8>, afterSpecial: Bool, to tokens: inout [TokenID])
}
