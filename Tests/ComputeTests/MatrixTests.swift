import CKernels
import Compute
import TestSupport
import Testing

@Suite("A matrix product") struct MatrixTests {
    /// Column counts that meet every block size of the kernels and more than one column group.
    static let columnCounts = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 70]

    @Test("agrees with the dequantised weights in f32", arguments: TensorType.allCases)
    func agreesWithDequantisedWeights(_ type: TensorType) throws {
        var random = SplitMix64(seed: UInt64(type.rawValue) + 1)
        let problem = Problem(type, rows: 21, width: 512, columns: 5, &random)
        for kernels in allKernels {
            let high = problem.product(.high, kernels)
            let low = problem.product(.q8, kernels)
            for column in 0..<problem.columns {
                for row in 0..<problem.rows {
                    let (exact, size) = problem.exact(row, column)
                    let at = column * problem.rows + row
                    #expect(
                        abs(Double(high[at]) - exact) <= 2e-5 * size,
                        "\(kernels.name) \(type.name) \(row) \(column)")
                    #expect(
                        abs(Double(low[at]) - exact) <= 6e-3 * size,
                        "\(kernels.name) \(type.name) \(row) \(column)")
                }
            }
        }
    }

    @Test("takes rows that are no whole groups", arguments: TensorType.allCases.filter { !$0.isQuantized })
    func partialGroups(_ type: TensorType) throws {
        var random = SplitMix64(seed: UInt64(type.rawValue) + 50)
        for columns in Self.columnCounts {
            let problem = Problem(type, rows: 19, width: 300, columns: columns, &random)
            let reference = problem.product(.high, .portable)
            for kernels in allKernels { #expect(problem.product(.high, kernels) == reference) }
            for row in 0..<problem.rows {
                let (exact, size) = problem.exact(row, columns - 1)
                #expect(abs(Double(reference[(columns - 1) * problem.rows + row]) - exact) <= 1e-5 * size)
            }
        }
    }

    @Test("with columns of a single one gives its weights back", arguments: TensorType.allCases)
    func givesWeightsBack(_ type: TensorType) throws {
        // 16-bit codes of floats are within 2^-16 of a group's largest.
        let tolerance: Float = type.isQuantized ? 1e-6 : 2e-5
        var random = SplitMix64(seed: UInt64(type.rawValue) + 300)
        var problem = Problem(type, rows: 17, width: 256, columns: 256, &random)
        problem.x = problem.x.indices.map { $0 / problem.width == $0 % problem.width ? 1 : 0 }
        for kernels in allKernels {
            let product = problem.product(.q8, kernels)
            for row in 0..<problem.rows {
                let weights = problem.weights(row)
                let largest = weights.map(\.magnitude).max() ?? 0
                for (column, weight) in weights.enumerated() {
                    #expect(
                        abs(product[column * problem.rows + row] - weight) <= tolerance * largest,
                        "\(kernels.name) row \(row) weight \(column)")
                }
            }
        }
    }

    @Test("takes 16-bit weights of every kind without a NaN", arguments: [TensorType.f16, .bf16])
    func unusualWeights(_ type: TensorType) throws {
        var random = SplitMix64(seed: 23)
        // Infinities, NaNs, the largest, the smallest, and a subnormal, little-endian.
        let unusual: [[UInt8]] =
            type == .f16
            ? [[0x00, 0x7c], [0x00, 0xfc], [0x01, 0x7e], [0xff, 0x7b], [0x01, 0x00], [0x00, 0x80]]
            : [[0x80, 0x7f], [0x80, 0xff], [0xc1, 0x7f], [0x7f, 0x7f], [0x01, 0x00], [0x00, 0x80]]
        for bytes in unusual {
            var problem = Problem(type, rows: 8, width: 64, columns: 9, &random)
            for element in stride(from: 0, to: problem.blocks.count / 2, by: 37) {
                problem.blocks.replaceSubrange(element * 2..<element * 2 + 2, with: bytes)
            }
            let reference = problem.product(.high, .portable)
            #expect(reference.allSatisfy { $0.isFinite }, "\(bytes)")
            for kernels in allKernels { #expect(problem.product(.high, kernels) == reference) }
        }
    }

    @Test("gives the same bits in every instruction set", arguments: TensorType.allCases)
    func sameBitsEverywhere(_ type: TensorType) throws {
        var random = SplitMix64(seed: UInt64(type.rawValue) + 100)
        for columns in Self.columnCounts {
            let problem = Problem(type, rows: 19, width: 256, columns: columns, &random)
            for precision in Precision.allCases {
                let reference = problem.product(precision, .portable)
                for kernels in allKernels {
                    #expect(problem.product(precision, kernels) == reference, "\(columns) columns")
                }
            }
        }
    }

    @Test("gives a column the same bits whatever stands beside it", arguments: TensorType.allCases)
    func batchInvariant(_ type: TensorType) throws {
        var random = SplitMix64(seed: UInt64(type.rawValue) + 200)
        let problem = Problem(type, rows: 16, width: 256, columns: 70, &random)
        for precision in Precision.allCases {
            let all = problem.product(precision, .best)
            for count in Self.columnCounts {
                let some = problem.product(precision, .best, columns: count)
                #expect(some == Array(all.prefix(count * problem.rows)), "\(count) columns")
            }
        }
    }

    @Test("survives the largest codes and activations", arguments: TensorType.allCases.filter(\.isQuantized))
    func extremes(_ type: TensorType) throws {
        var random = SplitMix64(seed: 7)
        for fill in [UInt8(0), 0x7f, 0x80, 0xff] {
            var problem = Problem(type, rows: 8, width: 256, columns: 7, &random)
            problem.fillCodes(fill)
            for value in [Float(1), -1] {
                problem.x = problem.x.map { _ in value }
                for precision in Precision.allCases {
                    let reference = problem.product(precision, .portable)
                    for kernels in allKernels { #expect(problem.product(precision, kernels) == reference) }
                }
            }
        }
    }

    @Test("takes the exponents of MXFP4 from subnormal scales on")
    func exponents() {
        var random = SplitMix64(seed: 12)
        var problem = Problem(.mxfp4, rows: 32, width: 256, columns: 3, &random)
        // Above 240, sums of 256 products would leave the range of f32.
        for block in 0..<256 { problem.blocks[block * 17] = UInt8(min(block, 240)) }
        for columns in [1, 3] {
            let reference = problem.product(.high, .portable, columns: columns)
            #expect(reference.allSatisfy { $0.isFinite })
            for kernels in allKernels {
                #expect(problem.product(.high, kernels, columns: columns) == reference, "\(kernels.name)")
            }
        }
        // Row r has the exponents 8r ... 8r + 7. Times the scale of a column, the least are subnormal and lose digits.
        let product = problem.product(.high, .best)
        for row in 4..<32 {
            let (exact, size) = problem.exact(row, 0)
            #expect(abs(Double(product[row]) - exact) <= 2e-5 * size, "row \(row)")
        }
    }

    @Test("takes tiny, zero and huge activations without a NaN")
    func unusualActivations() {
        var random = SplitMix64(seed: 11)
        var problem = Problem(.q4_1, rows: 8, width: 128, columns: 4, &random)
        for value: Float in [0, Float.leastNonzeroMagnitude, 1e-32, 1e30] {
            problem.x = problem.x.map { $0 * value }
            for kernels in allKernels {
                for precision in Precision.allCases {
                    #expect(problem.product(precision, kernels).allSatisfy { $0.isFinite })
                }
            }
            problem.x = problem.x.map { _ in Float.random(in: -1...1, using: &random) }
        }
    }
}

/// The instruction sets that this CPU runs.
let allKernels = ["portable", "avx2", "avx512", "neon-dotprod", "neon-i8mm"].compactMap { Kernels(named: $0) }

/// Random weights and activations, and their product.
struct Problem {
    let type: TensorType
    let rows: Int
    let width: Int
    let columns: Int
    var blocks: [UInt8]
    /// [column][width]
    var x: [Float]

    init(_ type: TensorType, rows: Int, width: Int, columns: Int, _ random: inout SplitMix64) {
        (self.type, self.rows, self.width, self.columns) = (type, rows, width, columns)
        // Every block with a scale of its own, so that one taken from the wrong place shows.
        var weights = RandomWeights(seed: random.next())
        blocks = (0..<rows * width / type.blockElements).flatMap { _ in
            var block = weights.data(
                type, count: type.blockElements, amplitude: .random(in: 0.05...2, using: &random))
            // The sign of an f16 is the top bit of its second byte.
            for scale in type.halfScales where Bool.random(using: &random) { block[scale + 1] ^= 0x80 }
            return block
        }
        x = (0..<columns * width).map { _ in Float.random(in: -1...1, using: &random) }
    }

    /// Sets every byte that is no scale.
    mutating func fillCodes(_ byte: UInt8) {
        let scales = blocks
        blocks = blocks.map { _ in byte }
        for block in 0..<blocks.count / type.blockBytes {
            for offset in 0..<type.blockBytes where type.scaleBytes.contains(offset) {
                blocks[block * type.blockBytes + offset] = scales[block * type.blockBytes + offset]
            }
        }
    }

    /// [column][row]
    func product(_ precision: Precision, _ kernels: Kernels, columns: Int? = nil) -> [Float] {
        let columns = columns ?? self.columns
        var out = [Float](repeating: .nan, count: columns * rows)
        blocks.withUnsafeBytes { source in
            guard let base = source.baseAddress, let arena = Arena(byteCount: 1 << 20) else { return }
            let matrix = Matrix(type: type, rows: rows, width: width, source: base)
            matrix.pack(panels: 0..<matrix.panelCount, to: arena.base)
            matrix.use(panels: arena.base)
            let input = Activations(width: width, columnsMax: columns, planesMax: precision.planes)
            let values = Buffer<Float>(columns * width)
            for i in 0..<columns * width { values.pointer[i] = x[i] }
            let floats = FloatColumns(values.pointer, stride: width)
            input.quantize(
                floats, columns: 0..<columns, k: width, planes: precision.planes, kernels: kernels)
            let scratch = Buffer<Float>(Matrix.scratchCount)
            out.withUnsafeMutableBufferPointer { buffer in
                guard let to = buffer.baseAddress else { return }
                matrix.multiply(
                    panels: 0..<matrix.panelCount, MatrixInput(floats, input, planes: precision.planes),
                    columns: 0..<columns, out: to, outStride: rows,
                    scratch: scratch.pointer, kernels: kernels)
            }
        }
        return out
    }

    /// The product in double precision, and the sum of the magnitudes of its terms' bounds.
    func exact(_ row: Int, _ column: Int) -> (Double, Double) {
        let weights = weights(row)
        var sum = 0.0
        var size = 0.0
        for i in 0..<width {
            sum += Double(weights[i]) * Double(x[column * width + i])
            size += abs(Double(weights[i]))
        }
        return (sum, size)
    }

    /// A row, dequantised: NaN where that fails.
    func weights(_ row: Int) -> [Float] {
        let rowBytes = width / type.blockElements * type.blockBytes
        var weights = [Float](repeating: .nan, count: width)
        _ = blocks.withUnsafeBytes {
            apus_dequantize(type.rawValue, $0.baseAddress.map { $0 + row * rowBytes }, &weights, width)
        }
        return weights
    }
}

extension TensorType {
    /// Bytes of a block that hold f16 or exponent scales.
    fileprivate var scaleBytes: Set<Int> {
        self == .mxfp4 ? [0] : Set(halfScales.flatMap { [$0, $0 + 1] })
    }

    /// Where a block's f16 scales and mins begin.
    fileprivate var halfScales: [Int] {
        switch self {
        case .q4_0, .q5_0, .q8_0, .iq4_NL, .iq4_XS: [0]
        case .q4_1, .q5_1, .q4_K, .q5_K: [0, 2]
        case .q2_K: [80, 82]
        case .q3_K: [108]
        case .q6_K: [208]
        case .mxfp4, .f32, .f16, .bf16: []
        }
    }
}
