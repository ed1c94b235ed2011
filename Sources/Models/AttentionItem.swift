import CKernels
import Compute

/// A piece of attention that one thread does: some columns of one sequence, for one KV head, over all positions
/// or over one segment of them.
struct AttentionItem {
    /// Columns of an item: enough to share the reading of keys and values, few enough to spread over threads.
    static let columnsMax = 16
    /// Positions of a segment.
    static let segmentPositions = Int(APUS_SEGMENT) * KVGeometry.blockTokens

    var slice: Int
    var kvHead: Int
    /// Columns of the slice, from its start.
    var columns: Range<Int>
    /// Nil is all of them.
    var segment: Int?

    static func items(_ slices: [StepBatch.Slice], kvHeadCount: Int) -> [AttentionItem] {
        var items: [AttentionItem] = []
        for (index, slice) in slices.enumerated() {
            for first in stride(from: 0, to: slice.count, by: columnsMax) {
                for head in 0..<kvHeadCount {
                    let columns = first..<min(first + columnsMax, slice.count)
                    items.append(AttentionItem(slice: index, kvHead: head, columns: columns))
                }
            }
        }
        return items
    }

    /// One item for each segment. [slice][kvHead][segment]
    static func segments(_ slices: [StepBatch.Slice], kvHeadCount: Int) -> [AttentionItem] {
        var items: [AttentionItem] = []
        for (index, slice) in slices.enumerated() {
            for head in 0..<kvHeadCount {
                for segment in 0..<segmentCount(slice) {
                    items.append(
                        AttentionItem(
                            slice: index, kvHead: head, columns: 0..<slice.count, segment: segment))
                }
            }
        }
        return items
    }

    /// Segments that hold the positions of a slice's last column.
    static func segmentCount(_ slice: StepBatch.Slice) -> Int {
        (slice.position + slice.count + segmentPositions - 1) / segmentPositions
    }
}
