/// The memory that a sampler works in; used by one thread at a time. Pages that no request needs are
/// never touched.
final class SamplerScratch {
    /// Steps of tempered logit that truncation counts tokens in; see `Truncation`.
    static let bucketCount = 1024

    /// [chunk]
    let chunkMaxima: UnsafeMutablePointer<Float>
    /// [chunk]: sums of `weights`.
    let chunkSums: UnsafeMutablePointer<Double>
    /// [token]: e^((logit - maximum) / temperature).
    let weights: UnsafeMutablePointer<Float>
    /// [token]: a copy of the logits without the banned tokens.
    let allowed: UnsafeMutablePointer<Float>
    /// [token] at most
    let keys: UnsafeMutablePointer<RankKey>
    /// [bucket]
    let bucketCounts: UnsafeMutablePointer<Int32>
    /// [bucket]
    let bucketMasses: UnsafeMutablePointer<Double>

    init(vocabularyCount: Int) {
        let chunkCount = LogitsScan.chunkCount(vocabularyCount)
        chunkMaxima = .allocate(capacity: chunkCount)
        chunkSums = .allocate(capacity: chunkCount)
        weights = .allocate(capacity: vocabularyCount)
        allowed = .allocate(capacity: vocabularyCount)
        keys = .allocate(capacity: vocabularyCount)
        bucketCounts = .allocate(capacity: Self.bucketCount)
        bucketMasses = .allocate(capacity: Self.bucketCount)
    }

    deinit {
        chunkMaxima.deallocate()
        chunkSums.deallocate()
        weights.deallocate()
        allowed.deallocate()
        keys.deallocate()
        bucketCounts.deallocate()
        bucketMasses.deallocate()
    }
}
