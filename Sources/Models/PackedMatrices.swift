import Compute

/// Repacks matrices for the kernels into one piece of memory, on all threads of a pool.
enum PackedMatrices {
    static func byteCount(_ matrices: [Matrix]) -> Int {
        matrices.reduce(0) { $0 + padded($1.packedBytes) }
    }

    /// - Parameter progress: gets fractions of the whole, on the calling thread.
    /// - Returns: the memory, which must outlive the matrices.
    static func pack(_ matrices: [Matrix], _ pool: ThreadPool, progress: (Double) -> Void = { _ in })
        throws(ModelError) -> Arena
    {
        let bytes = byteCount(matrices)
        guard let arena = Arena(byteCount: bytes) else { throw .memory(bytes) }
        var offset = 0
        for matrix in matrices {
            let base = arena.base + offset
            pool.run { thread in
                let share = (matrix.panelCount + pool.count - 1) / pool.count
                let first = min(thread * share, matrix.panelCount)
                matrix.pack(panels: first..<min(first + share, matrix.panelCount), to: base)
            }
            matrix.use(panels: base)
            offset += padded(matrix.packedBytes)
            progress(Double(offset) / Double(bytes))
        }
        return arena
    }

    private static func padded(_ bytes: Int) -> Int { (bytes + 127) / 128 * 128 }
}
