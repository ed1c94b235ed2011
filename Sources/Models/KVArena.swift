import Compute

/// The blocks of one group of layers. [block][layer of the group]
final class KVArena {
    let layerCount: Int
    /// Bytes from one block to the next.
    let blockStride: Int
    private let layerBytes: Int  // keys and values of one layer in one block
    private let arena: Arena

    init?(layerCount: Int, blockBytes: Int, blockCount: Int) {
        guard let arena = Arena(byteCount: blockBytes * blockCount) else { return nil }
        self.arena = arena
        self.layerCount = layerCount
        blockStride = blockBytes
        layerBytes = layerCount > 0 ? blockBytes / layerCount : 0
    }

    /// Where a layer's part of block 0 begins.
    func base(place: Int) -> UnsafeMutableRawPointer { arena.base + place * layerBytes }

    func discard(_ block: Int) { arena.discard(block * blockStride..<(block + 1) * blockStride) }
}
