import Testing

@testable import Engine

@Suite struct BlockPoolTests {
    @Test func everyBlockIsGivenOnceAndComesBackOnce() {
        var pool = BlockPool(blockCount: 5)
        let blocks = (0..<5).compactMap { _ in pool.allocate()?.block }
        #expect(Set(blocks) == [0, 1, 2, 3, 4])
        let oneMore = pool.allocate()
        #expect(pool.freeCount == 0 && oneMore == nil)
        for block in blocks { pool.release(block, keeps: false) }
        #expect(pool.freeCount == 5 && pool.keptCount == 0)
    }

    @Test func aSharedBlockIsFreeAfterItsLastRelease() throws {
        var pool = BlockPool(blockCount: 1)
        let allocated = pool.allocate()
        let block = try #require(allocated).block
        pool.retain(block)
        pool.release(block, keeps: false)
        #expect(pool.freeCount == 0 && pool.referenceCount(block) == 1)
        pool.release(block, keeps: false)
        #expect(pool.freeCount == 1)
    }

    @Test func emptyBlocksGoFirstThenTheOneReleasedLongestAgo() {
        var pool = BlockPool(blockCount: 4)
        let blocks = (0..<4).compactMap { _ in pool.allocate()?.block }
        for index in [2, 0, 3] { pool.release(blocks[index], keeps: true) }
        pool.release(blocks[1], keeps: false)
        pool.retain(blocks[2])
        pool.release(blocks[2], keeps: true)
        #expect(pool.freeCount == 4 && pool.keptCount == 3)
        let order = (0..<4).compactMap { _ in pool.allocate() }
        #expect(order.map(\.block) == [1, 0, 3, 2].map { blocks[$0] })
        #expect(order.map(\.wasKept) == [false, true, true, true])
    }

    @Test func releasingAFreeBlockStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var pool = BlockPool(blockCount: 1)
            guard let block = pool.allocate()?.block else { return }
            pool.release(block, keeps: false)
            pool.release(block, keeps: false)
        }
    }

    @Test func aListKeepsItsOrderThroughRemovals() {
        var list = BlockList(blockCount: 6)
        for block in [3, 1, 5, 0] as [Int32] { list.append(block) }
        list.remove(1)
        list.remove(0)
        list.append(1)
        let order = (0..<4).map { _ in list.popFirst() }
        #expect(order == [3, 5, 1, nil] && list.count == 0)
        list.append(2)
        #expect(list.contains(2) && !list.contains(3))
        #expect(list.popFirst() == 2)
    }
}
