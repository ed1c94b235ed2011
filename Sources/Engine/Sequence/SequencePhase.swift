/// Where a sequence stands. Only the scheduler moves it.
///
/// ```
/// waiting ──admit──▶ prefilling ──complete──▶ decoding ──finish──▶ finished
///    └──────────────────┴──────────finish─────────────────────────────▲
/// ```
///
/// - `waiting`: its group is in the queue. It owns no block and nothing is reserved for it.
/// - `prefilling`: its group was admitted; blocks are reserved for its worst case. The group's first
///   live sequence, the leader, reads the prompt for all: `computed < promptCount`. The others have
///   an empty table until then.
/// - `decoding`: the prompt is in its blocks. Between steps `computed == tokens.count - 1`: the token
///   drawn last is the next column.
/// - `finished`: owns and reserves nothing; never leaves this phase.
enum SequencePhase: Equatable {
    case waiting
    case prefilling
    case decoding
    case finished
}
