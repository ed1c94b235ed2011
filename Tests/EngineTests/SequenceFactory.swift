import ModelFiles
import Models

@testable import Engine

/// A request as the engine's loop hands it to the scheduler.
func group(
    _ id: RequestID, prompt: [TokenID], answer: Int = 0, choices: Int = 1, arrivedAt: UInt64 = 0,
    _ change: (inout GenerationRequest) -> Void = { _ in }
) -> SequenceGroup {
    var request = GenerationRequest(prompt: prompt, tokensMax: answer)
    request.choiceCount = choices
    change(&request)
    return SequenceGroup(
        id: id, request: request,
        size: RequestSize(promptCount: prompt.count, answerMax: answer, choiceCount: choices),
        arrivedAt: arrivedAt)
}

/// Tokens `first ..< first + count`.
func run(_ first: Int, _ count: Int) -> [TokenID] { (first..<first + count).map { TokenID($0) } }

extension Scheduler {
    /// The simplest limits.
    convenience init(columnsMax: Int, sequencesMax: Int, blockCount: Int, chunk: Int = .max) {
        self.init(
            columnsMax: columnsMax, sequencesMax: sequencesMax,
            kv: KVGeometry(bytesPerBlock: 1, blockCount: blockCount), chunk: chunk)
    }

    convenience init(columnsMax: Int, sequencesMax: Int, kv: KVGeometry, chunk: Int = .max) {
        self.init(
            SchedulerLimits(
                columnsMax: columnsMax, sequencesMax: sequencesMax, kv: kv, chunkColumnsMax: chunk))
        // A machine of 1 ms a step and 0.1 ms a column.
        for columns in [1, 10, 100, 3, 30] {
            var work = StepWork()
            work.add(count: columns, position: 0, drawsNext: true)
            timeModel(observes: work, seconds: 0.001 + 0.0001 * Double(columns))
        }
    }

    private func timeModel(observes work: StepWork, seconds: Double) {
        var plan = StepPlan()
        plan.work = work
        observe(plan, seconds: seconds)
    }
}

extension PrefixCache {
    /// One group.
    init(blockCount: Int) { self.init(KVGeometry(bytesPerBlock: 1, blockCount: blockCount)) }
}

extension KVGeometry {
    /// A full group and a window group, whose blocks take 2 and 3 units.
    static func windowed(positions: Int, budget: Int) -> KVGeometry {
        KVGeometry(
            bytesPerBlock: 2, window: .init(positions: positions, bytesPerBlock: 3), budgetBytes: budget)
    }
}
