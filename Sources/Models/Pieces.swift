import Compute

/// How threads share the panels, or segments, of a phase: each begins with a share of its own, then takes small
/// pieces until all are taken, so that a thread which lost its core holds up nobody.
///
/// With few columns a phase lasts microseconds and is bound by memory: shares are most of the work, which is read in
/// one go, and pieces so small that threads end together. With many columns shares are small too: the columns pass
/// over a piece in groups, and it has to stay in the cache meanwhile.
struct Pieces {
    private let total: Int
    private let threads: Int
    private let share: Int
    private let size: Int

    /// - Parameters:
    ///   - unit: what shares and pieces are multiples of; the kernels go over two panels together.
    ///   - isOneGroup: all columns pass over a piece together.
    init(total: Int, unit: Int, threads: Int, isOneGroup: Bool) {
        self.total = total
        self.threads = threads
        if isOneGroup {
            share = total * 3 / (threads * 4) / unit * unit
            size = max(1, total / (threads * 32 * unit)) * unit
        } else {
            size = max(1, total / (threads * 4 * unit)) * unit
            share = size
        }
    }

    /// What a thread begins with; may be empty.
    func own(_ thread: Int) -> Range<Int> { range(thread * share, share) }

    /// A piece of the rest; empty past the last one.
    func piece(_ index: Int) -> Range<Int> { range(threads * share + index * size, size) }

    private func range(_ start: Int, _ count: Int) -> Range<Int> {
        min(start, total)..<min(start + count, total)
    }
}

extension ThreadPool {
    /// Runs `body` on a thread's own share and on the pieces that it takes.
    @inline(__always)
    func each(_ pieces: Pieces, _ thread: Int, _ body: (Range<Int>) -> Void) {
        let own = pieces.own(thread)
        if !own.isEmpty { body(own) }
        var range = pieces.piece(take(1))
        while !range.isEmpty {
            body(range)
            range = pieces.piece(take(1))
        }
    }
}
