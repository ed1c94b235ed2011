import CKernels

/// A weight matrix, [rows][width], packed into panels of 8 rows (`panels.h`).
public final class Matrix: @unchecked Sendable {
    public let type: TensorType
    public let rows: Int
    /// Weights of a row: the length of an input.
    public let width: Int
    public let panelCount: Int
    /// Bytes of all panels.
    public let packedBytes: Int

    private let source: UnsafeRawPointer
    private let rowBytes: Int
    private let kind: apus_panel_kind
    private let panelBytes: Int
    private var panels: UnsafeMutableRawPointer?

    /// - Parameters:
    ///   - source: rows of `width` weights in the type's blocks; must outlive the matrix.
    ///   - width: a whole number of blocks.
    public init(type: TensorType, rows: Int, width: Int, source: UnsafeRawPointer) {
        precondition(rows > 0 && width > 0 && width % type.blockElements == 0)
        self.type = type
        self.rows = rows
        self.width = width
        self.source = source
        rowBytes = width / type.blockElements * type.blockBytes
        kind = apus_panel_kind_of(type.rawValue, width)
        panelCount = (rows + 7) / 8
        panelBytes = apus_panel_bytes(kind, width)
        packedBytes = panelBytes * panelCount
    }

    /// Whether inputs are quantised, or taken in f32.
    var quantizesInput: Bool { apus_panel_is_quantized(kind) != 0 }

    /// Packs a range of panels into their places from `base` on.
    public func pack(panels range: Range<Int>, to base: UnsafeMutableRawPointer) {
        for panel in range {
            apus_pack_panel(
                type.rawValue, source + panel * 8 * rowBytes, rowBytes, min(8, rows - panel * 8), width,
                base + panel * panelBytes)
        }
    }

    /// Says that all panels stand at `base`.
    public func use(panels base: UnsafeMutableRawPointer) { panels = base }

    /// out[i * outStride + row] = row . column i of `columns`, for the rows of a range of panels. `out` points
    /// to where row 0 of the first of those columns goes.
    ///
    /// - Parameter scratch: `Matrix.scratchCount` floats of the calling thread.
    public func multiply(
        panels range: Range<Int>, _ input: MatrixInput, columns: Range<Int>, out: UnsafeMutablePointer<Float>,
        outStride: Int, scratch: UnsafeMutablePointer<Float>, kernels: Kernels
    ) {
        // Columns go in groups whose activations stay in the second-level cache while panels pass by.
        var first = columns.lowerBound
        while first < columns.upperBound {
            let count = min(Self.columnGroup, columns.upperBound - first)
            let whole = min(range.upperBound, rows / 8)
            let to = out + (first - columns.lowerBound) * outStride
            if range.lowerBound < whole {
                products(
                    range.lowerBound..<whole, input, first, count, to + range.lowerBound * 8, outStride,
                    kernels)
            }
            if whole < range.upperBound {
                lastPanel(input, first, count, to, outStride, scratch, kernels)
            }
            first += count
        }
    }

    /// A panel with fewer than 8 rows: its results go through scratch.
    private func lastPanel(
        _ input: MatrixInput, _ first: Int, _ count: Int, _ out: UnsafeMutablePointer<Float>,
        _ outStride: Int, _ scratch: UnsafeMutablePointer<Float>, _ kernels: Kernels
    ) {
        products(panelCount - 1..<panelCount, input, first, count, scratch, 8, kernels)
        for column in 0..<count {
            for row in (panelCount - 1) * 8..<rows {
                out[column * outStride + row] = scratch[column * 8 + row % 8]
            }
        }
    }

    private func products(
        _ range: Range<Int>, _ input: MatrixInput, _ first: Int, _ count: Int,
        _ out: UnsafeMutablePointer<Float>, _ outStride: Int, _ kernels: Kernels
    ) {
        guard let panels else { preconditionFailure("a matrix is packed before it is multiplied") }
        let table = kernels.table
        let at = panels + range.lowerBound * panelBytes
        if quantizesInput {
            table.pointee.matmul_quantized(
                kind, at, range.count, width, input.quantized.pointer, Int32(input.planes), first, count, out,
                outStride)
        } else {
            table.pointee.matmul_float(
                kind, at, range.count, width, input.floats[first], input.floats.stride, count, out, outStride)
        }
    }

    /// Floats of scratch that `multiply` needs.
    public static let scratchCount = columnGroup * 8

    /// Columns that pass over a panel together.
    public static let columnGroup = 64

    /// Writes one row, dequantised, to `out` [width].
    public func row(_ index: Int, to out: UnsafeMutablePointer<Float>) {
        _ = apus_dequantize(type.rawValue, source + index * rowBytes, out, width)
    }
}
