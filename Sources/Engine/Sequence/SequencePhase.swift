/// Where a sequence stands. Only the scheduler moves it.
///
/// ```
///    following ───────────the leader has read the prompt──────────┐
///                                                                 ▼
///    waiting ────admit───▶ prefilling ────────complete─────▶ decoding ──finish──▶ finished
///                          ▲        │                          │
///                       resume    pause                        │
///                          │        ▼                          │
///                          └───── paused ◀────────pause────────┘
/// ```
///
/// Every phase may end in `finished`. When a leader finishes before the prompt was read, the next live choice
/// takes its phase and what it has.
///
/// - `waiting`: its request is in the queue. It owns no block.
/// - `following`: an earlier choice of the same request, the leader, reads the prompt for it. It owns nothing.
/// - `prefilling`: it reads tokens that are known: a prompt, or after a pause its own answer too.
///   `computed < tokens.count`.
/// - `decoding`: all but the last token are in its blocks: `computed == tokens.count - 1` between steps. The token
///   drawn last is the next column.
/// - `paused`: it had to make room for another. It keeps its tokens and owns no block; `computed == 0`. Its blocks
///   stay in the cache until somebody needs them.
/// - `finished`: owns nothing; never leaves this phase.
enum SequencePhase: Equatable {
    case waiting
    case following
    case prefilling
    case decoding
    case paused
    case finished
}
