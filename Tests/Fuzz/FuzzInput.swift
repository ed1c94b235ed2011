/// What every target is handed: the bytes that libFuzzer made up.
///
/// A target is one file, and sees the inner parts of the module that it tests. It ends with a trap, by `precondition`,
/// when something does not hold that must; libFuzzer keeps the input.
typealias FuzzInput = UnsafeBufferPointer<UInt8>

extension FuzzInput {
    init(_ data: UnsafePointer<UInt8>?, _ count: Int) {
        self.init(start: data, count: count)
    }
}
