import Models

/// What leaves a sequence that has reached the context's end: half of the tokens behind the first ones.
///
/// The first ones stay, because models rest much attention on them (arXiv:2309.17453), and because they stay at
/// their positions: their block is found in the cache again. The others move to other positions, so their keys and
/// values are computed anew.
struct ContextShift: Equatable {
    let kept: Int
    let dropped: Int

    /// - Parameter count: tokens of the sequence, as many as the context holds.
    init(of count: Int) {
        kept = min(KVGeometry.blockTokens, count / 4)
        dropped = max(1, (count - kept) / 2)
    }
}
