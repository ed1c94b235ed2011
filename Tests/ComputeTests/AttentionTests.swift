import CKernels
import Compute
import Glibc
import TestSupport
import Testing

@Suite("Attention") struct AttentionTests {
    /// Shapes that meet every tile of queries, partial blocks, runs of 16 dimensions, windows and several segments.
    static let shapes = [
        AttentionProblem.Shape(headDim: 16, position: 0, columns: 1, window: 0, heads: 3),
        .init(headDim: 64, position: 31, columns: 1, window: 0, heads: 3),
        .init(headDim: 64, position: 0, columns: 33, window: 0, heads: 3),
        .init(headDim: 80, position: 100, columns: 5, window: 0, heads: 2),
        .init(headDim: 256, position: 70, columns: 3, window: 0, heads: 4),
        .init(headDim: 64, position: 100, columns: 40, window: 8, heads: 1),
        .init(headDim: 128, position: 20, columns: 3, window: 512, heads: 3),
        .init(headDim: 64, position: 1500, columns: 2, window: 0, heads: 5),
        .init(headDim: 64, position: 1020, columns: 16, window: 500, heads: 3),
        .init(headDim: 32, position: 0, columns: 70, window: 0, heads: 1, seesAll: true),
    ]

    @Test("is plain softmax attention", arguments: shapes, [APUS_KV_F16, APUS_KV_Q8])
    func exact(_ shape: AttentionProblem.Shape, _ kind: apus_kv_kind) {
        let problem = AttentionProblem(shape)
        for kernels in allKernels {
            let found = problem.run(kernels, kind)
            let worst = zip(found, problem.exact).map { abs(Double($0) - $1) }.max() ?? .nan
            #expect(worst <= (kind == APUS_KV_F16 ? 2e-5 : 1.5e-2), "\(kernels.name) \(worst)")
        }
    }

    @Test(
        "gives the same bits when segments are computed apart", arguments: shapes, [APUS_KV_F16, APUS_KV_Q8])
    func segments(_ shape: AttentionProblem.Shape, _ kind: apus_kv_kind) {
        let problem = AttentionProblem(shape)
        for kernels in allKernels {
            let isSame = problem.run(kernels, kind) == problem.runInSegments(kernels, kind)
            #expect(isSame, "\(kernels.name)")
        }
    }

    @Test(
        "gives a query the same bits whatever stands beside it", arguments: shapes, [APUS_KV_F16, APUS_KV_Q8])
    func batchInvariant(_ shape: AttentionProblem.Shape, _ kind: apus_kv_kind) {
        let problem = AttentionProblem(shape)
        for kernels in allKernels {
            let together = problem.run(kernels, kind)
            let alone = (0..<shape.columns).flatMap { problem.run(kernels, kind, columns: $0..<$0 + 1) }
            let isSame = together == alone
            #expect(isSame, "\(kernels.name)")
        }
    }

    @Test(
        "clamps what f16 cannot hold, and quantises zeros and giants", arguments: [APUS_KV_F16, APUS_KV_Q8])
    func extremes(_ kind: apus_kv_kind) {
        for value: Float in [0, 1e-30, 7e4, 1e30] {
            var problem = AttentionProblem(
                .init(headDim: 32, position: 3, columns: 2, window: 0, heads: 1))
            problem.values = problem.values.map { _ in value }
            for kernels in allKernels {
                for found in problem.run(kernels, kind) { #expect(found.isFinite) }
            }
        }
    }
}

/// Random queries, keys and values of one KV head.
struct AttentionProblem {
    struct Shape: Sendable {
        var headDim: Int
        var position: Int
        var columns: Int
        var window: Int
        var heads: Int
        /// Every query sees every position, as in an encoder.
        var seesAll = false
    }

    let shape: Shape
    var keys: [Float]
    var values: [Float]
    let queries: [Float]
    private var positions: Int { shape.position + shape.columns }
    private var rowCount: Int { shape.heads * shape.headDim }
    private var scale: Float { 1 / Float(shape.headDim).squareRoot() }

    init(_ shape: Shape) {
        self.shape = shape
        var random = SplitMix64(seed: UInt64(shape.headDim + shape.position))
        // Values that a half float holds exactly: 8 bits below the point.
        func halves(_ n: Int) -> [Float] {
            (0..<n).map { _ in (Float.random(in: -1...1, using: &random) * 256).rounded() / 256 }
        }
        keys = halves((shape.position + shape.columns) * shape.headDim)
        values = halves((shape.position + shape.columns) * shape.headDim)
        queries = (0..<shape.columns * shape.heads * shape.headDim).map { _ in
            Float.random(in: -2...2, using: &random)
        }
    }

    /// [column][head][headDim]
    func run(_ kernels: Kernels, _ kind: apus_kv_kind, columns: Range<Int>? = nil) -> [Float] {
        withItem(kernels, kind, columns ?? 0..<shape.columns) { item, scratch in
            kernels.table.pointee.attention(&item, scratch)
        }
    }

    func runInSegments(_ kernels: Kernels, _ kind: apus_kv_kind) -> [Float] {
        withItem(kernels, kind, 0..<shape.columns) { item, scratch in
            let size = shape.columns * shape.heads * (shape.headDim + Int(APUS_STATE_EXTRA))
            let count = (positions + Int(APUS_SEGMENT) * 32 - 1) / (Int(APUS_SEGMENT) * 32)
            let states = Buffer<Float>(count * size)
            for segment in (0..<count).reversed() {
                kernels.table.pointee.attention_segment(
                    &item, segment, states.pointer + segment * size, scratch)
            }
            kernels.table.pointee.attention_finish(&item, count, states.pointer, size)
        }
    }

    private func withItem(
        _ kernels: Kernels, _ kind: apus_kv_kind, _ columns: Range<Int>,
        _ body: (inout apus_attention_item, UnsafeMutablePointer<Float>) -> Void
    ) -> [Float] {
        let dim = shape.headDim
        let elements = dim * 32
        let headBytes = kind == APUS_KV_F16 ? elements * 2 : elements + (dim + 31) / 32 * 64
        let blockCount = (positions + 31) / 32
        // Blocks stand in reverse order, so that a wrong table shows.
        let table = (0..<blockCount).map { Int32(blockCount - 1 - $0) }
        let cache = Buffer<UInt8>(blockCount * 2 * headBytes)
        var out = [Float](repeating: .nan, count: columns.count * rowCount)
        let scratch = Buffer<Float>(Int(APUS_ATTENTION_SCRATCH))
        keys.withUnsafeBufferPointer { keys in
            values.withUnsafeBufferPointer { values in
                guard let keys = keys.baseAddress, let values = values.baseAddress else { return }
                for p in 0..<positions {
                    let block = cache.pointer + Int(table[p / 32]) * 2 * headBytes
                    kernels.table.pointee.store_key_value(
                        kind, keys + p * dim, values + p * dim, dim, p % 32, block, block + headBytes)
                }
            }
        }
        queries.withUnsafeBufferPointer { q in
            out.withUnsafeMutableBufferPointer { o in
                table.withUnsafeBufferPointer { t in
                    guard let q = q.baseAddress else { return }
                    var item = apus_attention_item(
                        queries: q + columns.lowerBound * rowCount, outputs: o.baseAddress,
                        query_stride: rowCount, output_stride: rowCount, kind: kind, cache: cache.pointer,
                        block_stride: 2 * headBytes, keys_offset: 0, values_offset: headBytes,
                        blocks: t.baseAddress, position: shape.position + columns.lowerBound,
                        columns: columns.count, first_head: 0, heads: shape.heads, head_dim: dim,
                        window: shape.window, length: shape.seesAll ? positions : 0, scale: scale)
                    body(&item, scratch.pointer)
                }
            }
        }
        return out
    }

    /// In double precision. [column][head][headDim]
    var exact: [Double] {
        (0..<shape.columns * shape.heads).flatMap { index -> [Double] in
            let last = shape.seesAll ? positions - 1 : shape.position + index / shape.heads
            let first = shape.window > 0 ? max(0, last + 1 - shape.window) : 0
            let dim = shape.headDim
            let scores = (first...last).map { p in
                (0..<dim).reduce(0.0) { $0 + Double(queries[index * dim + $1]) * Double(keys[p * dim + $1]) }
                    * Double(scale)
            }
            let most = scores.max() ?? 0
            let weights = scores.map { exp($0 - most) }
            let total = weights.reduce(0, +)
            return (0..<dim).map { d in
                zip(first...last, weights).reduce(0.0) {
                    $0 + $1.1 / total * Double(values[$1.0 * dim + d])
                }
            }
        }
    }
}
