import Testing

@testable import Engine

@Suite struct BlockPoolTests {
    @Test func everyBlockIsGivenOnceAndComesBackOnce() {
        var pool = BlockPool(blockCount: 5)
        let blocks = (0..<5).compactMap { _ in pool.allocate() }
        #expect(Set(blocks) == [0, 1, 2, 3, 4])
        let oneMore = pool.allocate()
        #expect(pool.freeCount == 0 && oneMore == nil)
        for block in blocks { pool.release(block) }
        #expect(pool.freeCount == 5)
    }

    @Test func aSharedBlockIsFreeAfterItsLastRelease() throws {
        var pool = BlockPool(blockCount: 1)
        let allocated = pool.allocate()
        let block = try #require(allocated)
        pool.retain(block)
        pool.release(block)
        #expect(pool.freeCount == 0 && pool.referenceCount(block) == 1)
        pool.release(block)
        #expect(pool.freeCount == 1)
    }

    @Test func releasingAFreeBlockStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(blockCount: 1)
            guard let block = pool.allocate() else { return }
            pool.release(block)
            pool.release(block)
        }
    }

    @Test(arguments: [0, 1, 31, 32, 33, 64, 70]) func aForkSharesFullBlocksAndCopiesTheTail(positions: Int)
        throws
    {
        var pool = BlockPool(blockCount: 8)
        var table = BlockTable()
        for _ in 0..<3 {
            let grown = table.grow(from: &pool)
            #expect(grown)
        }
        let forked = table.fork(positions: positions, pool: &pool)
        var (fork, copy) = try #require(forked)
        let full = positions / 32
        #expect(fork.blocks.prefix(full) == table.blocks.prefix(full))
        #expect(fork.capacity == (positions + 31) / 32 * 32)
        if positions % 32 == 0 {
            #expect(copy == nil && fork.blocks.count == full)
        } else {
            #expect(
                copy
                    == BlockCopy(
                        source: table.blocks[full], destination: fork.blocks[full], tokens: positions % 32))
            #expect(!table.blocks.contains(fork.blocks[full]))
        }
        table.release(to: &pool)
        #expect(pool.freeCount == 8 - fork.blocks.count)
        fork.release(to: &pool)
        #expect(pool.freeCount == 8)
    }

    @Test func aForkWithoutRoomForItsTailTakesNothing() {
        var pool = BlockPool(blockCount: 2)
        var table = BlockTable()
        let grown = (0..<3).map { _ in table.grow(from: &pool) }
        #expect(grown == [true, true, false])
        let forked = table.fork(positions: 40, pool: &pool)
        #expect(forked == nil)
        table.release(to: &pool)
        #expect(pool.freeCount == 2)
    }
}
