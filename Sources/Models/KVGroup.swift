/// Layers that keep the same positions, and so share blocks and a block table.
public enum KVGroup: Int, Sendable, CaseIterable {
    /// Layers that see all positions.
    case full
    /// Layers that see a sliding window. A model without full layers has none of these either: all of its layers
    /// then are in `full` and keep what they do not see.
    case window
}
