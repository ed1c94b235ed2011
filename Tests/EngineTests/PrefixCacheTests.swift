import ModelFiles
import Testing

@testable import Engine

@Suite struct PrefixCacheTests {
    /// A sequence that has computed all of its tokens.
    private func computed(_ tokens: [TokenID], _ cache: inout PrefixCache, salt: String = "") -> Sequence {
        let sequence = fresh(tokens, salt: salt)
        _ = cache.adopt(for: sequence)
        while sequence.table.capacity < tokens.count, cache.grow(sequence) {}
        let start = sequence.computed
        sequence.computed = tokens.count
        cache.noteComputed(sequence, from: start)
        return sequence
    }

    private func fresh(_ tokens: [TokenID], salt: String = "") -> Sequence {
        let group = group(1, prompt: tokens) { $0.cacheSalt = salt }
        return group.sequences[0]
    }

    @Test func aReleasedPromptIsFoundAgainButForItsLastToken() {
        var cache = PrefixCache(blockCount: 10)
        let first = computed(run(0, 100), &cache)
        let blocks = first.table.blocks
        cache.release(first)
        #expect(cache.memory.full.freeCount == 10 && cache.memory.full.keptCount == 4)
        let second = fresh(run(0, 100))
        let adoption = cache.adopt(for: second)
        #expect(second.computed == 99 && Array(second.table.blocks[..<3]) == Array(blocks[..<3]))
        #expect(adoption == .done)
        #expect(
            cache.memory.operations
                == [.copy(.full, source: blocks[3], destination: second.table.blocks[3], tokens: 3)])
        #expect(second.table.blocks[3] != blocks[3])
    }

    @Test(arguments: [(64, 63), (65, 64), (31, 30), (33, 32), (1, 0)])
    func theLastTokenIsAlwaysComputed(count: Int, found: Int) {
        var cache = PrefixCache(blockCount: 10)
        let first = computed(run(0, count), &cache)
        cache.release(first)
        let second = fresh(run(0, count))
        _ = cache.adopt(for: second)
        #expect(second.computed == found)
    }

    @Test func whereTokensDivergeTheCommonOnesAreCopied() {
        var cache = PrefixCache(blockCount: 10)
        let first = computed(run(0, 96), &cache)
        let second = fresh(run(0, 45) + run(500, 40))
        let adoption = cache.adopt(for: second)
        #expect(second.computed == 45 && second.table.blocks[0] == first.table.blocks[0])
        #expect(adoption == .done)
        #expect(
            cache.memory.operations == [
                .copy(
                    .full, source: first.table.blocks[1], destination: second.table.blocks[1], tokens: 13)
            ])
        #expect(cache.memory.referenceCount(.full, first.table.blocks[0]) == 2)
        #expect(cache.memory.referenceCount(.full, first.table.blocks[1]) == 1)
    }

    @Test func anotherSaltFindsNothing() {
        var cache = PrefixCache(blockCount: 10)
        cache.release(computed(run(0, 96), &cache, salt: "a"))
        for (salt, found) in [("b", 0), ("", 0), ("a", 95)] {
            let second = fresh(run(0, 96), salt: salt)
            _ = cache.adopt(for: second)
            #expect(second.computed == found)
        }
    }

    @Test func aRequestWithoutTheCacheNeitherFindsNorLeavesAnything() {
        var cache = PrefixCache(blockCount: 10)
        let alone = group(1, prompt: run(0, 80)) { $0.usesPrefixCache = false }.sequences[0]
        while alone.table.capacity < 80, cache.grow(alone) {}
        alone.computed = 80
        cache.noteComputed(alone, from: 0)
        cache.notePromptRead(alone)
        cache.release(alone)
        #expect(
            cache.index.count == 0 && cache.memory.full.keptCount == 0 && cache.memory.full.freeCount == 10)
        cache.release(computed(run(0, 80), &cache))
        let other = group(2, prompt: run(0, 80)) { $0.usesPrefixCache = false }.sequences[0]
        #expect(cache.adopt(for: other) == .done && other.computed == 0)
    }

    @Test func whatIsBeingComputedIsWaitedFor() {
        var cache = PrefixCache(blockCount: 10)
        let first = fresh(run(0, 80))
        while first.table.capacity < 40, cache.grow(first) {}
        let second = fresh(run(0, 64) + run(900, 9))
        #expect(cache.adopt(for: second) == .pending(first.table.blocks[0], number: 0))
        first.computed = 40
        cache.noteComputed(first, from: 0)
        #expect(cache.adopt(for: second) == .pending(first.table.blocks[1], number: 1))
        #expect(second.computed == 32)
        // The first one goes away in the middle of the block: what it has computed can be copied.
        cache.release(first)
        let source = second.table.blocks.count
        #expect(cache.adopt(for: second) == .done)
        #expect(second.computed == 40 && second.table.blocks.count == source + 1)
    }

    @Test func twoThatComputedTheSameShareItAfterwards() {
        var cache = PrefixCache(blockCount: 10)
        let first = fresh(run(0, 20) + run(500, 12) + run(700, 1))
        let second = fresh(run(0, 20))
        for sequence in [first, second] {
            _ = cache.grow(sequence)
            sequence.computed = 20
        }
        // The second one's answer says what the first one's prompt says.
        second.tokens += run(500, 12)
        first.computed = 32
        cache.noteComputed(first, from: 20)
        second.computed = 32
        cache.noteComputed(second, from: 20)
        #expect(second.table.blocks == first.table.blocks && second.table.indexedCount == 1)
        #expect(
            cache.memory.referenceCount(.full, first.table.blocks[0]) == 2 && cache.memory.full.freeCount == 9
        )
    }

    @Test func whoOvertakesTheOneThatComputesTheSameGoesOnAlone() {
        var cache = PrefixCache(blockCount: 10)
        let first = fresh(run(0, 20) + run(500, 60))
        while first.table.capacity < 60, cache.grow(first) {}
        first.computed = 20
        let second = fresh(run(0, 20))
        while second.table.capacity < 80, cache.grow(second) {}
        second.tokens += run(500, 60)
        for end in [32, 64, 80] {
            let start = second.computed
            second.computed = end
            cache.noteComputed(second, from: start)
        }
        #expect(second.table.indexedCount == 0)
        cache.release(second)
        first.computed = 60
        cache.noteComputed(first, from: 20)
        cache.release(first)
        #expect(cache.memory.full.freeCount == 10 && cache.index.count == cache.memory.full.keptCount)
    }

    @Test func aDeepPromptOutlivesShortOnesThatCameLater() {
        // The last block of 4,096 tokens costs three times what the first one costs.
        var cache = PrefixCache(blockCount: 140)
        cache.release(computed(run(0, 4096), &cache))
        func ask(_ number: Int) { cache.release(computed(run(100_000 + 1000 * number, 64), &cache)) }
        for number in 0..<15 { ask(number) }
        #expect(cache.match(fresh(run(0, 4097))).blocks == 128, "the short ones make room for each other")
        for number in 15..<200 { ask(number) }
        #expect(cache.match(fresh(run(0, 4097))).blocks < 128, "but nothing is kept for ever")
    }

    @Test func tailsAreForgottenBeforeHeadsAndOldBeforeNew() {
        var cache = PrefixCache(blockCount: 8)
        let old = computed(run(0, 96), &cache)
        let new = computed(run(1000, 96), &cache)
        cache.release(old)
        cache.release(new)
        // Two blocks are empty: four more take the old prompt and the end of the new one.
        let big = fresh(run(5000, 192))
        for _ in 0..<6 {
            let grown = cache.grow(big)
            #expect(grown)
        }
        #expect(cache.match(fresh(run(0, 97))).blocks == 0)
        #expect(cache.match(fresh(run(1000, 97))).blocks == 2)
    }

    @Test(arguments: [0, 1, 31, 32, 33, 64, 70]) func aForkSharesFullBlocksAndCopiesTheTail(positions: Int)
        throws
    {
        var cache = PrefixCache(blockCount: 8)
        let leader = computed(run(0, positions), &cache)
        let forked = cache.fork(leader)
        let table = try #require(forked)
        let operations = cache.takeOperations()
        let full = positions / 32
        #expect(table.blocks.prefix(full) == leader.table.blocks.prefix(full))
        #expect(table.capacity == (positions + 31) / 32 * 32 && table.indexedCount == full)
        if positions % 32 == 0 {
            #expect(operations.isEmpty && table.blocks.count == full)
        } else {
            let expected = BlockOperation.copy(
                .full, source: leader.table.blocks[full], destination: table.blocks[full],
                tokens: positions % 32)
            #expect(operations == [expected] && !leader.table.blocks.contains(table.blocks[full]))
        }
        let follower = fresh(run(0, positions))
        follower.table = table
        follower.computed = positions
        cache.release(leader)
        #expect(cache.memory.full.freeCount == 8 - table.blocks.count)
        cache.release(follower)
        #expect(cache.memory.full.freeCount == 8)
    }

    @Test func aForkWithoutRoomForItsTailTakesNothing() {
        var cache = PrefixCache(blockCount: 2)
        let leader = computed(run(0, 40), &cache)
        let forked = cache.fork(leader)
        #expect(forked == nil)
        cache.release(leader)
        #expect(cache.memory.full.freeCount == 2)
    }
}
