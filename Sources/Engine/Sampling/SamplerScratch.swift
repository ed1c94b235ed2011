import Models

/// The memory that a sampler works in; used by one thread at a time. Pages that no request needs are
/// never touched.
final class SamplerScratch {
    /// Tokens that were selected from a row. [token] at most
    let tokens: UnsafeMutablePointer<UInt32>
    /// Their logits, then their weights. [token] at most
    let weights: UnsafeMutablePointer<Float>
    /// The logits of the chain's candidates. [token] at most
    let logits: UnsafeMutablePointer<Float>
    /// The weights again, at their tokens' places. [token]
    let weightOfToken: UnsafeMutablePointer<Float>
    /// [token] at most
    let keys: UnsafeMutablePointer<RankKey>
    /// [segment]
    let segmentWeights: UnsafeMutablePointer<Float>

    init(vocabularyCount: Int) {
        tokens = .allocate(capacity: vocabularyCount)
        weights = .allocate(capacity: vocabularyCount)
        logits = .allocate(capacity: vocabularyCount)
        weightOfToken = .allocate(capacity: vocabularyCount)
        keys = .allocate(capacity: vocabularyCount)
        segmentWeights = .allocate(
            capacity: (vocabularyCount + Logits.segmentSize - 1) / Logits.segmentSize)
    }

    deinit {
        tokens.deallocate()
        weights.deallocate()
        logits.deallocate()
        weightOfToken.deallocate()
        keys.deallocate()
        segmentWeights.deallocate()
    }
}
