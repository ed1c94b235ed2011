import ModelFiles
import Models

/// Who has computed which tokens: a tree of KV blocks, in which a path from a root spells a prompt.
///
/// A block of the full group stands under the block of the 32 tokens before its own; what begins a prompt stands under
/// the root of its cache salt. A block of the window group for the same tokens is attached to it, as long as it is
/// kept: a sequence may begin only where those are there that its next column sees. Keys and values depend on nothing but the tokens up to theirs, so a path's blocks serve
/// every sequence that begins with its tokens. A full block is found by a hash of its parent and its tokens,
/// and the tokens are compared: no two prompts are ever mistaken for each other.
///
/// Invariants:
/// 1. Only a block with all 32 tokens has children.
/// 2. No two full blocks with the same tokens have the same parent.
/// 3. Where a sequence holds a block, it holds its parent, and where it holds an attached block, the one that it is
///    attached to: `PrefixCache` sees to it, and that children are forgotten before their parents.
struct PrefixIndex {
    /// What precedes a block.
    enum Parent: Hashable {
        case root(salt: String)
        case block(Int32)
    }

    private struct Edge: Hashable {
        var parent: Parent
        var tokensHash: Int
    }

    private struct Node {
        var parent: Parent
        /// 1 ... 32
        var tokenCount: Int
        /// Its keys and values are there; else a sequence is about to compute them.
        var isReady: Bool
        /// The window group's block.
        var window: Int32?
        /// Of the blocks below that are or were kept, the dearest one's.
        var worth = 0.0
        var nextSibling: Int32?
        var previousSibling: Int32?
    }

    /// Siblings that are compared with the tokens where a prompt leaves the tree, latest first.
    static let siblingsComparedMax = 256

    /// [block]
    private var nodes: [Node?]
    /// [window group's block]: what it is attached to.
    private var owners: [Int32?]
    /// [block][32]
    private var tokens: [TokenID]
    private var fullBlocks: [Edge: Int32] = [:]
    private var firstChild: [Parent: Int32] = [:]
    private(set) var count = 0
    private(set) var attachedCount = 0

    init(blockCount: Int, windowBlockCount: Int) {
        nodes = Array(repeating: nil, count: blockCount)
        owners = Array(repeating: nil, count: windowBlockCount)
        tokens = Array(repeating: 0, count: blockCount * KVGeometry.blockTokens)
    }

    func contains(_ block: Int32) -> Bool { nodes[Int(block)] != nil }
    func isReady(_ block: Int32) -> Bool { nodes[Int(block)]?.isReady ?? false }
    func hasChildren(_ block: Int32) -> Bool { firstChild[.block(block)] != nil }
    func parent(of block: Int32) -> Parent? { nodes[Int(block)]?.parent }
    func window(of block: Int32) -> Int32? { nodes[Int(block)]?.window }
    func owner(ofWindow block: Int32) -> Int32? { owners[Int(block)] }

    /// The block of exactly these 32 tokens, computed or about to be.
    func child(of parent: Parent, tokens wanted: ArraySlice<TokenID>) -> Int32? {
        guard let block = fullBlocks[Self.edge(parent, wanted)], common(block, wanted) == wanted.count else {
            return nil
        }
        return block
    }

    /// The computed block that begins with most of these tokens, and with how many; nil when none shares the
    /// first.
    ///
    /// - Parameter withWindow: only those that a block of the window group is attached to.
    func closestChild(of parent: Parent, tokens wanted: ArraySlice<TokenID>, withWindow: Bool)
        -> (block: Int32, common: Int)?
    {
        var best: (block: Int32, common: Int)?
        var next = firstChild[parent]
        for _ in 0..<Self.siblingsComparedMax {
            guard let block = next, let node = nodes[Int(block)] else { break }
            if node.isReady, !withWindow || node.window != nil {
                let common = common(block, wanted)
                if common > best?.common ?? 0 { best = (block, common) }
                if common == wanted.count { break }
            }
            next = node.nextSibling
        }
        return best
    }

    /// Adds a block under its parent.
    ///
    /// - Returns: false when another full block has these tokens already; then nothing changes.
    mutating func insert(_ block: Int32, under parent: Parent, tokens new: ArraySlice<TokenID>, isReady: Bool)
        -> Bool
    {
        precondition(!contains(block) && (1...KVGeometry.blockTokens).contains(new.count))
        if new.count == KVGeometry.blockTokens {
            let edge = Self.edge(parent, new)
            guard fullBlocks[edge] == nil else { return false }
            fullBlocks[edge] = block
        }
        let next = firstChild[parent]
        if let next { nodes[Int(next)]?.previousSibling = block }
        firstChild[parent] = block
        nodes[Int(block)] = Node(
            parent: parent, tokenCount: new.count, isReady: isReady, window: nil, nextSibling: next,
            previousSibling: nil)
        let start = Int(block) * KVGeometry.blockTokens
        tokens.replaceSubrange(start..<start + new.count, with: new)
        count += 1
        return true
    }

    /// The block's keys and values have been computed.
    mutating func setReady(_ block: Int32) { nodes[Int(block)]?.isReady = true }

    /// Attaches the window group's block for the same tokens; there must be none yet.
    mutating func attach(window: Int32, to block: Int32) {
        precondition(nodes[Int(block)]?.window == nil && owners[Int(window)] == nil, "attached twice")
        nodes[Int(block)]?.window = window
        owners[Int(window)] = block
        attachedCount += 1
    }

    /// Forgets a block of the window group; harmless when it is not attached.
    mutating func detach(window: Int32) {
        guard let owner = owners[Int(window)] else { return }
        nodes[Int(owner)]?.window = nil
        owners[Int(window)] = nil
        attachedCount -= 1
    }

    /// A block is released for which `own` would be its worth.
    ///
    /// - Returns: what it is worth with all that stands below it.
    mutating func noteWorth(_ own: Double, of block: Int32) -> Double {
        guard let node = nodes[Int(block)] else { return own }
        let worth = max(own, node.worth)
        if case .block(let parent) = node.parent, let above = nodes[Int(parent)] {
            nodes[Int(parent)]?.worth = max(above.worth, worth)
        }
        return worth
    }

    /// Forgets a block, and detaches the window group's; harmless when it is not known.
    mutating func remove(_ block: Int32) {
        guard let node = nodes[Int(block)] else { return }
        if let window = node.window { detach(window: window) }
        precondition(!hasChildren(block), "forgot a block before those that follow it")
        let start = Int(block) * KVGeometry.blockTokens
        if node.tokenCount == KVGeometry.blockTokens {
            fullBlocks[Self.edge(node.parent, tokens[start..<start + node.tokenCount])] = nil
        }
        if let next = node.nextSibling { nodes[Int(next)]?.previousSibling = node.previousSibling }
        if let previous = node.previousSibling {
            nodes[Int(previous)]?.nextSibling = node.nextSibling
        } else {
            firstChild[node.parent] = node.nextSibling
        }
        nodes[Int(block)] = nil
        count -= 1
    }

    /// Leading tokens that a block shares with others.
    private func common(_ block: Int32, _ wanted: ArraySlice<TokenID>) -> Int {
        guard let node = nodes[Int(block)] else { return 0 }
        let start = Int(block) * KVGeometry.blockTokens
        var common = 0
        while common < min(node.tokenCount, wanted.count),
            tokens[start + common] == wanted[wanted.startIndex + common]
        {
            common += 1
        }
        return common
    }

    private static func edge(_ parent: Parent, _ tokens: ArraySlice<TokenID>) -> Edge {
        var hasher = Hasher()
        for token in tokens { hasher.combine(token) }
        return Edge(parent: parent, tokensHash: hasher.finalize())
    }
}
