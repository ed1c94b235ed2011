import Testing

@testable import Engine

@Suite struct StepTimeModelTests {
    /// What a step takes on a machine that the model does not know.
    private struct Machine {
        var base = 0.004
        var column = 0.0006
        var output = 0.0003
        var attended = 0.2e-6

        func seconds(_ work: StepWork) -> Double {
            base + column * Double(work.columns) + output * Double(work.outputs)
                + attended * Double(work.attended)
        }
    }

    private func decode(_ count: Int, position: Int) -> StepWork {
        var work = StepWork()
        for _ in 0..<count { work.add(count: 1, position: position, drawsNext: true) }
        return work
    }

    private func chunk(_ count: Int, position: Int, beside work: StepWork = StepWork()) -> StepWork {
        var work = work
        work.add(count: count, position: position, drawsNext: false)
        return work
    }

    @Test(arguments: [0.1, 1, 100]) func itLearnsWhatColumnsOutputsAndContextCost(slowness: Double) {
        let machine = Machine(
            base: 0.004 * slowness, column: 0.0006 * slowness, output: 0.0003 * slowness,
            attended: 0.2e-6 * slowness)
        var model = StepTimeModel()
        var random = TestRandom(seed: 3)
        for _ in 0..<300 {
            var work = decode(random.below(9), position: random.below(3000))
            if work.columns == 0 || random.below(3) == 0 {
                work = chunk(1 + random.below(300), position: random.below(4000), beside: work)
            }
            // Every tenth step loses the processor for a while; the others are off by up to 10 %.
            let noise = random.below(10) == 0 ? 6 : 0.9 + 0.2 * Double(random.below(1000)) / 1000
            model.observe(work, seconds: machine.seconds(work) * noise)
        }
        for work in [decode(8, position: 500), chunk(200, position: 0), chunk(64, position: 4000)] {
            #expect(abs(model.seconds(work) / machine.seconds(work) - 1) < 0.25)
        }
    }

    @Test func aThousandEqualStepsDoNotWashAwayWhatAChunkCosts() {
        let machine = Machine()
        var model = StepTimeModel()
        for count in [32, 200, 64, 300, 100] {
            model.observe(chunk(count, position: 0), seconds: machine.seconds(chunk(count, position: 0)))
        }
        for step in 0..<1000 {
            let work = decode(8, position: 300 + step)
            model.observe(work, seconds: machine.seconds(work) * (step % 2 == 0 ? 0.95 : 1.05))
        }
        let work = chunk(100, position: 0, beside: decode(8, position: 1300))
        #expect(abs(model.seconds(work) / machine.seconds(work) - 1) < 0.3)
    }

    @Test func itFollowsAMachineThatBecomesSlower() {
        var model = StepTimeModel()
        let (before, after) = (
            Machine(), Machine(base: 0.012, column: 0.0018, output: 0.0009, attended: 0.6e-6)
        )
        for machine in [before, after] {
            for step in 0..<60 {
                let work = chunk(20 + step * 37 % 200, position: step * 100, beside: decode(4, position: 99))
                model.observe(work, seconds: machine.seconds(work))
            }
        }
        let work = chunk(100, position: 500, beside: decode(4, position: 99))
        #expect(abs(model.seconds(work) / after.seconds(work) - 1) < 0.3)
    }

    @Test func aFittedChunkTakesTheTimeThatIsThere() {
        let machine = Machine()
        var model = StepTimeModel()
        for step in 0..<80 {
            let work = chunk(10 + step * 37 % 200, position: step * 50)
            model.observe(work, seconds: machine.seconds(work))
        }
        for position in [0, 1000, 4000] {
            let count = model.columns(fitting: 0.1, position: position, max: 10_000)
            let taken = machine.seconds(chunk(count, position: position)) - machine.base
            #expect(abs(taken - 0.1) < 0.02)
        }
        #expect(model.columns(fitting: 0.1, position: 0, max: 7) == 7)
        #expect(model.columns(fitting: 0, position: 0, max: 7) == 0)
    }

    @Test func nothingIsPromisedBeforeTheSecondStepAndNonsenseIsIgnored() {
        var model = StepTimeModel()
        #expect(!model.isFitted && model.columns(fitting: 1, position: 0, max: 9) == 0)
        for seconds in [0, -1, Double.nan, .infinity] {
            model.observe(chunk(9, position: 0), seconds: seconds)
        }
        model.observe(StepWork(), seconds: 1)
        #expect(!model.isFitted)
        model.observe(chunk(32, position: 0), seconds: 0.01)
        model.observe(chunk(32, position: 0), seconds: 0.01)
        #expect(model.isFitted)
        #expect(abs(model.seconds(chunk(32, position: 0)) - 0.01) < 0.001)
    }
}
