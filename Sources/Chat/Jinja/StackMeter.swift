/// Measures how much of its thread's stack a recursion has used, whatever the frames of this build are.
///
/// It counts from the frame in which it was made, so a recursion under it needs a thread with
/// `TemplateLimits.stackBytesMax` left and some more for the last call: Linux threads have 8 MiB.
struct StackMeter {
    private let start: UInt

    init() { start = Self.here() }

    var isExhausted: Bool { start &- min(start, Self.here()) > TemplateLimits.stackBytesMax }

    /// An address in the current frame; stacks grow downwards on every platform that Swift runs on.
    @inline(never)
    private static func here() -> UInt {
        var local: UInt8 = 0
        return withUnsafeMutablePointer(to: &local) { UInt(bitPattern: $0) }
    }
}
