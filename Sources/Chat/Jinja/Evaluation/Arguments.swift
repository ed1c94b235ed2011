/// What a call passes. A name may have come out of the request (`**mapping`): where it becomes a key that can
/// be printed, it counts as the request's.
struct Arguments {
    var positional: [Value] = []
    var named: [(name: String, value: Value)] = []
}
