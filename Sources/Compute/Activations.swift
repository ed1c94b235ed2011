import CKernels

/// How exactly activations enter a quantised matrix product.
public enum Precision: String, Sendable, CaseIterable {
    /// One plane of 8-bit codes in groups of 32; two where one would cost too much accuracy.
    case q8
    /// Two planes everywhere, about 15 bits.
    case high

    public var planes: Int { self == .q8 ? 1 : 2 }
}

/// Columns of activations in f32: `columns` of `width` floats, `stride` apart.
public struct FloatColumns {
    public let pointer: UnsafeMutablePointer<Float>
    public let stride: Int

    public init(_ pointer: UnsafeMutablePointer<Float>, stride: Int) {
        self.pointer = pointer
        self.stride = stride
    }

    /// Where a column begins.
    @inline(__always)
    public subscript(column: Int) -> UnsafeMutablePointer<Float> { pointer + column * stride }

    /// A stride for columns of this width that does not put all of them into the same lines of the first-level
    /// cache, as a power of two would.
    public static func stride(_ width: Int) -> Int { (width + 15) / 16 * 16 + 16 }
}

/// Columns of activations as products with quantised matrices read them (see `kernels.h`).
public final class Activations {
    /// [column * planes + plane][k / 32], `apus_column_stride` apart
    private let groups: Buffer<apus_activations>
    var pointer: UnsafePointer<apus_activations> { UnsafePointer(groups.pointer) }

    /// - Parameters:
    ///   - width: the widest input of the matrices that will read these.
    ///   - planesMax: planes of codes that there is room for.
    public init(width: Int, columnsMax: Int, planesMax: Int) {
        groups = Buffer(columnsMax * planesMax * Self.columnGroups(width))
    }

    /// Groups of one physical column.
    private static func columnGroups(_ width: Int) -> Int { apus_column_stride((width + 31) / 32) }

    /// Bytes that such buffers take.
    public static func byteCount(width: Int, columnsMax: Int, planesMax: Int) -> Int {
        columnsMax * planesMax * columnGroups(width) * MemoryLayout<apus_activations>.stride
    }

    /// Quantises columns of `k` floats, the same ones here, with 1 or 2 planes.
    @inline(__always)
    public func quantize(_ x: FloatColumns, columns: Range<Int>, k: Int, planes: Int, kernels: Kernels) {
        kernels.table.pointee.quantize(
            x[columns.lowerBound], x.stride, columns.count, k, Int32(planes), columns.lowerBound,
            groups.pointer)
    }
}

/// What a matrix is multiplied with: the same columns in f32, and quantised where `Matrix.quantizesInput`.
public struct MatrixInput {
    let floats: FloatColumns
    let quantized: Activations
    /// Planes that the columns were quantised with.
    let planes: Int

    public init(_ floats: FloatColumns, _ quantized: Activations, planes: Int) {
        self.floats = floats
        self.quantized = quantized
        self.planes = planes
    }
}
