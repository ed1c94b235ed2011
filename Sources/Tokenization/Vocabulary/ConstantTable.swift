/// Memory that is written once and then only read, by any number of threads: an array without bounds checks
/// for the inner loops. Whoever reads it keeps the index in 0 ..< count.
final class ConstantTable<Element: BitwiseCopyable>: @unchecked Sendable {
    let base: UnsafePointer<Element>
    let count: Int

    init(_ elements: [Element]) {
        let memory = UnsafeMutablePointer<Element>.allocate(capacity: max(elements.count, 1))
        memory.initialize(from: elements, count: elements.count)
        base = UnsafePointer(memory)
        count = elements.count
    }

    deinit {
        UnsafeMutablePointer(mutating: base).deallocate()
    }
}
