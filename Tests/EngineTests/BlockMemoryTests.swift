import Models
import Testing

@testable import Engine

@Suite struct BlockMemoryTests {
    @Test func everyBlockIsGivenOnceAndComesBackOnce() {
        var memory = BlockMemory(KVGeometry(bytesPerBlock: 10, blockCount: 5))
        let blocks = (0..<5).compactMap { _ in memory.take(.full) }
        #expect(Set(blocks) == [0, 1, 2, 3, 4])
        let oneMore = memory.take(.full)
        #expect(memory.full.freeCount == 0 && memory.freeBytes == 0 && oneMore == nil)
        for block in blocks { memory.release(.full, block, worth: nil) }
        #expect(memory.full.freeCount == 5 && memory.full.keptCount == 0 && memory.freeBytes == 50)
        #expect(memory.operations.isEmpty)
    }

    @Test func aSharedBlockIsFreeAfterItsLastRelease() throws {
        var memory = BlockMemory(KVGeometry(bytesPerBlock: 1, blockCount: 1))
        let taken = memory.take(.full)
        let block = try #require(taken)
        memory.retain(.full, block)
        memory.release(.full, block, worth: nil)
        #expect(memory.full.freeCount == 0 && memory.referenceCount(.full, block) == 1)
        memory.release(.full, block, worth: nil)
        #expect(memory.full.freeCount == 1)
    }

    @Test func whatIsWorthLeastGoesFirstAndOfEqualsTheOneReleasedLongestAgo() {
        var memory = BlockMemory(KVGeometry(bytesPerBlock: 1, blockCount: 4))
        let blocks = (0..<4).compactMap { _ in memory.take(.full) }
        for (index, worth) in [(2, 5.0), (0, 5.0), (3, 4.0), (1, 5.0)] {
            memory.release(.full, blocks[index], worth: worth)
        }
        // Asked for again, it is worth what it is given then.
        memory.retain(.full, blocks[2])
        memory.release(.full, blocks[2], worth: 5)
        #expect(memory.full.freeCount == 4 && memory.full.keptCount == 4)
        let empty = memory.take(.full)
        #expect(empty == nil)
        var ages: [Double] = []
        for expected in [3, 0, 1, 2] {
            let forgotten = memory.forgetFirst()
            #expect(forgotten == BlockReference(group: .full, block: blocks[expected]))
            ages.append(memory.age)
        }
        #expect(ages == [4, 5, 5, 5])
    }

    @Test func eitherGroupMayHaveAllOfTheMemory() {
        // Blocks of 2 and of 3 units.
        var memory = BlockMemory(.windowed(positions: 40, budget: 12))
        let full = (0..<6).compactMap { _ in memory.take(.full) }
        let none = memory.take(.window)
        #expect(full.count == 6 && none == nil && memory.freeBytes == 0)
        for block in full { memory.release(.full, block, worth: nil) }
        let window = (0..<4).compactMap { _ in memory.take(.window) }
        #expect(window.count == 4 && memory.freeBytes == 0 && memory.residentBytes == 12)
        // The other group's blocks gave their memory back, each once.
        #expect(Set(memory.takeOperations().map { "\($0)" }).count == 6)
        let more = memory.take(.full)
        #expect(more == nil && memory.operations.isEmpty)
    }

    @Test func theOldestCheapBlockGoesBeforeADearOneButNothingIsKeptForEver() {
        var memory = BlockMemory(KVGeometry(bytesPerBlock: 1, blockCount: 2))
        let dear = memory.take(.full) ?? -1
        memory.release(.full, dear, worth: memory.age + 3)
        var forgotten: [Int32] = []
        for _ in 0..<5 {
            guard let cheap = memory.take(.full) else { break }
            memory.release(.full, cheap, worth: memory.age + 1)
            memory.forgetFirst().map { forgotten.append($0.block) }
        }
        // It outlived the forgetting of two of a third of its cost; of equals the older one goes.
        #expect(forgotten.firstIndex(of: dear) == 2)
    }

    @Test func releasingAFreeBlockStopsTheProgram() async {
        await #expect(processExitsWith: .failure) {
            var memory = BlockMemory(KVGeometry(bytesPerBlock: 1, blockCount: 1))
            guard let block = memory.take(.full) else { return }
            memory.release(.full, block, worth: nil)
            memory.release(.full, block, worth: nil)
        }
    }

    @Test(arguments: 0..<8) func keptBlocksComeInOrderThroughRemovals(seed: UInt64) {
        var random = TestRandom(seed: seed)
        var kept = KeptBlocks(slotCount: 60)
        var model: [(slot: Int, worth: Double)] = []
        for _ in 0..<4000 {
            let slot = random.below(60)
            if let place = model.firstIndex(where: { $0.slot == slot }) {
                kept.remove(slot)
                model.remove(at: place)
            } else if random.below(3) > 0 {
                let worth = Double(random.below(10))
                kept.add(slot, worth: worth)
                // Behind all that are worth no more.
                model.insert((slot, worth), at: model.firstIndex { $0.worth > worth } ?? model.count)
            } else {
                let first = kept.popFirst()
                #expect(first?.slot == model.first?.slot && first?.worth == model.first?.worth)
                if !model.isEmpty { model.removeFirst() }
            }
            #expect(kept.count == model.count)
        }
    }
}
