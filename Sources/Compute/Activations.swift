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
    /// [column * planes + plane][k / 32]
    private let groups: Buffer<apus_activations>
    var quantized: UnsafePointer<apus_activations> { UnsafePointer(groups.pointer) }

    /// - Parameters:
    ///   - width: the widest input of the matrices that will read these.
    ///   - planesMax: planes of codes that there is room for.
    public init(width: Int, columnsMax: Int, planesMax: Int) {
        self.width = width
        floats = Buffer(columnsMax * width)
        groups = Buffer(columnsMax * planesMax * Self.groupCount(width))
    }

    private static func groupCount(_ width: Int) -> Int { (width + 31) / 32 }

    /// Bytes that such buffers take.
    public static func byteCount(width: Int, columnsMax: Int, planesMax: Int) -> Int {
        columnsMax * (width * 4 + planesMax * groupCount(width) * MemoryLayout<apus_activations>.stride)
    }

    /// Quantises rows of `k` floats, `stride` apart, into the given columns, with 1 or 2 planes.
    @inline(__always)
    public func quantize(
        _ x: UnsafePointer<Float>, stride: Int, columns: Range<Int>, k: Int, planes: Int, kernels: Kernels
    ) {
        kernels.table.pointee.quantize(
            x, stride, columns.count, k, Int32(planes), columns.lowerBound, groups.pointer)
    }
}
