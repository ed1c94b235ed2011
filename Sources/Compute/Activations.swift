import CKernels

/// How exactly activations enter a quantised matrix product.
public enum Precision: String, Sendable, CaseIterable {
    /// One plane of 8-bit codes in groups of 32; two where one would cost too much accuracy.
    case q8
    /// Two planes everywhere, about 15 bits.
    case high

    public var planes: Int { self == .q8 ? 1 : 2 }
}

/// Columns of activations as a matrix product reads them: in f32, and quantised (see `panels.h`).
public final class Activations {
    public let width: Int
    /// [column][width]
    public let floats: Buffer<Float>
    private let codes: Buffer<Int8>
    private let scales: Buffer<Float>
    private let sums: Buffer<Float>
    private let halves: Buffer<Int16>
    /// The buffers above, as the kernels want them.
    let quantized: UnsafeMutablePointer<apus_activations>

    /// - Parameters:
    ///   - width: the widest input of the matrices that will read these.
    ///   - planesMax: planes of codes that there is room for.
    public init(width: Int, columnsMax: Int, planesMax: Int) {
        let groups = (width + 31) / 32
        let planes = columnsMax * planesMax
        self.width = width
        floats = Buffer(columnsMax * width)
        codes = Buffer(planes * groups * 32)
        scales = Buffer(planes * groups)
        sums = Buffer(planes * groups)
        halves = Buffer(planes * groups * 2)
        quantized = .allocate(capacity: 1)
        quantized.initialize(
            to: apus_activations(
                codes: codes.pointer, scales: scales.pointer, sums: sums.pointer, halves: halves.pointer))
    }

    deinit { quantized.deallocate() }

    /// Bytes that such buffers take.
    public static func byteCount(width: Int, columnsMax: Int, planesMax: Int) -> Int {
        columnsMax * width * 4 + columnsMax * planesMax * ((width + 31) / 32) * (32 + 4 + 4 + 4)
    }

    /// Quantises rows of `k` floats, `stride` apart, into the given columns, with 1 or 2 planes.
    @inline(__always)
    public func quantize(
        _ x: UnsafePointer<Float>, stride: Int, columns: Range<Int>, k: Int, planes: Int, kernels: Kernels
    ) {
        kernels.table.pointee.quantize(
            x, stride, columns.count, k, Int32(planes), columns.lowerBound, quantized)
    }
}
