import CKernels

/// The kernels of one instruction set, chosen once at start.
public struct Kernels: @unchecked Sendable {
    public let table: UnsafePointer<apus_kernels>
    public var name: String { String(cString: table.pointee.name) }

    /// The fastest that this CPU runs.
    public static let best = Kernels(table: apus_kernels_best())
    /// Runs anywhere; the specification of the others.
    public static let portable = Kernels(table: apus_kernels_portable())

    /// `portable`, `avx2`, `avx512`, `neon-dotprod`, `neon-i8mm`; nil where this CPU does not run that set.
    public init?(named name: String) {
        guard let table = apus_kernels_named(name) else { return nil }
        self.table = table
    }

    private init(table: UnsafePointer<apus_kernels>) { self.table = table }
}
