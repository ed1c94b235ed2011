import ModelFiles
import Models
import Testing

@testable import Engine

/// Sequences whose sliding layers keep a window only. Blocks take 2 units in the full group and 3 in the window group.
@Suite struct WindowGroupTests {
    private func cache(window: Int, blockCount: Int = 1000) -> PrefixCache {
        PrefixCache(.windowed(positions: window, budget: blockCount * 5))
    }

    private func fresh(_ tokens: [TokenID]) -> Sequence { group(1, prompt: tokens).sequences[0] }

    /// A sequence that has computed all of its tokens, in chunks.
    private func computed(_ tokens: [TokenID], _ cache: inout PrefixCache, prompt: Int? = nil) -> Sequence {
        let sequence = fresh(Array(tokens[..<(prompt ?? tokens.count)]))
        sequence.tokens = tokens
        _ = cache.adopt(for: sequence)
        while sequence.computed < tokens.count {
            let start = sequence.computed
            let end = min(start + 64, tokens.count)
            while sequence.table.capacity < end, cache.grow(sequence) {}
            sequence.computed = end
            cache.noteComputed(sequence, from: start)
        }
        _ = cache.takeOperations()
        return sequence
    }

    /// Where a sequence of these tokens begins, and whether it has what its next column sees.
    private func begin(_ tokens: [TokenID], _ cache: inout PrefixCache) -> Int {
        let sequence = fresh(tokens)
        _ = cache.adopt(for: sequence)
        let first = cache.geometry.window?.firstBlock(seenFrom: sequence.computed) ?? 0
        for number in first..<sequence.table.blocks.count {
            #expect(sequence.table.windowBlock(number) != nil)
        }
        cache.release(sequence)
        return sequence.computed
    }

    /// Forgets blocks of the window group, the worthless first, until so many are kept.
    private func forget(_ cache: inout PrefixCache, until count: Int) {
        while cache.memory.window?.keptCount ?? 0 > count, let victim = cache.memory.forgetFirst() {
            #expect(victim.group == .window && cache.memory.age == 0, "it was worth nothing")
            cache.index.detach(window: victim.block)
        }
    }

    @Test(arguments: [32, 512], [1, 7, 64, 512])
    func aLongSequenceKeepsItsWindow(window: Int, chunk: Int) {
        // 4,096 positions: three quarters of them a prompt that is read in chunks, then an answer.
        let kv = KVGeometry.windowed(positions: window, budget: 200 * 5)
        let scheduler = Scheduler(columnsMax: 512, sequencesMax: 4, kv: kv, chunk: chunk)
        scheduler.enqueue(group(1, prompt: run(0, 3072), answer: 1025))
        var most = 0
        while let sequence = scheduler.decoding.first ?? scheduler.prefilling.first ?? next(scheduler) {
            let plan = scheduler.plan()
            scheduler.complete(plan)
            for slice in plan.slices where slice.reachesEnd { scheduler.append(7, to: slice.sequence) }
            most = max(most, scheduler.cache.memory.window?.usedCount ?? 0)
            guard sequence.computed < 4096 else { break }
        }
        #expect(scheduler.decoding.first?.computed == 4096)
        #expect(scheduler.cache.memory.full.usedCount == 128)
        #expect(window / 32...window / 32 + 1 ~= most)
        scheduler.decoding.forEach(scheduler.finish)
        #expect(scheduler.cache.memory.freeBytes == kv.budgetBytes)
    }

    private func next(_ scheduler: Scheduler) -> Sequence? {
        scheduler.waiting.next(scheduler.shares)?.leader
    }

    @Test func aReleasedPromptIsFoundAgainWhereItEnded() {
        var cache = cache(window: 64)
        let first = computed(run(0, 310), &cache)
        #expect(first.table.windowHeldCount == 3 && first.table.windowStart == 7)
        cache.release(first)
        #expect(begin(run(0, 400), &cache) == 310)
        #expect(begin(run(0, 310), &cache) == 309)
    }

    @Test func aPrefixIsUsedAsFarAsTheWindowGroupHasWhatTheNextColumnSees() {
        var cache = cache(window: 64)
        cache.release(computed(run(0, 310), &cache))
        #expect(begin(run(0, 200) + run(5000, 9), &cache) == 200, "all is still there")
        cache = self.cache(window: 64)
        cache.release(computed(run(0, 310), &cache))
        forget(&cache, until: 3)
        #expect(begin(run(0, 200) + run(5000, 9), &cache) == 0, "what slid out is gone")
        #expect(begin(run(0, 310) + run(5000, 9), &cache) == 310, "what the end sees is not")
        #expect(begin(run(0, 300) + run(5000, 9), &cache) == 300, "nor in the last block")
    }

    @Test func theEndOfThePromptStaysAPlaceToBeginAfterALongAnswer() {
        var cache = cache(window: 64)
        cache.release(computed(run(0, 400), &cache, prompt: 150))
        forget(&cache, until: 6)
        #expect(begin(run(0, 150) + run(5000, 9), &cache) == 150)
        #expect(begin(run(0, 250) + run(5000, 9), &cache) == 160)
        #expect(begin(run(0, 400) + run(5000, 9), &cache) == 400)
    }

    @Test func whereSomebodyBeganOnceOthersMayBeginAgain() {
        var cache = cache(window: 64)
        cache.release(computed(run(0, 400), &cache))
        // Another request leaves the first one's tokens at 200; its own end is far behind.
        cache.release(computed(run(0, 200) + run(7000, 300), &cache))
        // What both ends see, what the second one's beginning saw, and the block that it copied from there.
        forget(&cache, until: 3 + 3 + 3 + 1)
        #expect(begin(run(0, 200) + run(5000, 9), &cache) == 200)
        #expect(begin(run(0, 300) + run(5000, 9), &cache) == 224)
    }

    @Test func whatTheWindowGroupHasForgottenComesBackWhenItIsComputedAgain() {
        var cache = cache(window: 64)
        cache.release(computed(run(0, 310), &cache))
        forget(&cache, until: 3)
        let again = computed(run(0, 200) + run(5000, 9), &cache)
        // The full group's blocks are shared all the same.
        #expect(cache.memory.full.usedCount + cache.memory.full.keptCount == 11)
        cache.release(again)
        #expect(begin(run(0, 200) + run(6000, 9), &cache) == 200)
    }

    @Test(arguments: [64, 70, 95, 300]) func aForkSharesTheWindowAndCopiesTheTail(positions: Int) throws {
        var cache = cache(window: 64)
        let leader = computed(run(0, positions), &cache)
        let forked = cache.fork(leader)
        let table = try #require(forked)
        let (full, tail) = (positions / 32, positions % 32)
        #expect(table.windowStart == leader.table.windowStart)
        #expect(table.windowBlocks.prefix(full) == leader.table.windowBlocks.prefix(full))
        let copies = cache.takeOperations()
        #expect(copies.count == (tail == 0 ? 0 : 2) && table.capacity >= positions)
        if tail > 0 {
            let copy = BlockOperation.copy(
                .window, source: leader.table.windowBlocks[full], destination: table.windowBlocks[full],
                tokens: tail)
            #expect(copies.contains(copy) && leader.table.windowBlocks[full] != table.windowBlocks[full])
        }
        cache.release(leader)
        let follower = fresh(run(0, positions))
        (follower.table, follower.computed) = (table, positions)
        cache.release(follower)
        #expect(cache.memory.usedBytes == 0)
    }

    @Test func withoutMemoryForTheTailNothingIsTakenThatCannotBeUsed() {
        // What position 150 sees is there, but not what position 128 sees, where its block begins.
        var cache = cache(window: 70, blockCount: 20)
        cache.release(computed(run(0, 150), &cache))
        forget(&cache, until: 3)
        let held = group(9, prompt: run(900_000, 32)) { $0.usesPrefixCache = false }.sequences[0]
        // Five blocks of the full group and three of the window group take 19, a copy 5.
        while cache.memory.freeBytes >= 19 + 5, cache.grow(held) {}
        let second = fresh(run(0, 200))
        #expect(cache.adopt(for: second) == .done)
        #expect(second.computed == 0 && second.table == BlockTable())
        cache.release(held)
        #expect(cache.adopt(for: second) == .done)
        #expect(second.computed == 150 && second.table.windowStart == 2)
        cache.release(second)
        #expect(cache.memory.usedBytes == 0)
    }

    @Test func choicesOfALongPromptThatDoNotFitTogetherTakeTurns() {
        let kv = KVGeometry.windowed(positions: 64, budget: 50)
        let scheduler = Scheduler(columnsMax: 100, sequencesMax: 10, kv: kv)
        let four = group(1, prompt: run(0, 300), answer: 200, choices: 4)
        scheduler.enqueue(four)
        var steps = 0
        var finished = 0
        while !scheduler.isIdle, steps < 4000 {
            let plan = scheduler.plan()
            scheduler.complete(plan)
            _ = scheduler.takeOperations()
            for slice in plan.slices where slice.reachesEnd {
                for sequence in slice.sequence.answerCount == 0 ? four.live : [slice.sequence] {
                    scheduler.append(7, to: sequence)
                    guard sequence.answerCount == 200 else { continue }
                    finished += 1
                    scheduler.finish(sequence)
                }
            }
            steps += 1
        }
        #expect(finished == 4 && scheduler.pauseCount > 0 && scheduler.cache.memory.freeBytes == 50)
    }
}
