import Glibc
import ModelFiles
import Models
import Synchronization

@testable import Engine

/// A model whose logits are a hash of the sequence's tokens, which it reads from a KV memory that
/// only the batch's block tables lead to: a wrong table, a missed copy or a block that two sequences
/// write shows as another answer than `logits(after:)` gives.
final class FakeModel: LanguageModel {
    struct Shape: Sendable {
        var vocabularyCount = 97
        var contextLength = 512
        var columnsMax = 96
        var blockCount = 64
        /// The last tokens that a row depends on; few make texts that repeat themselves.
        var memory = Int.max
        /// Positions that the layers of a window group see; a row then depends on what is in its blocks too. A block of
        /// either group takes 512 bytes of the 1,024 that `blockCount` counts.
        var window: Int?

        var kvGeometry: KVGeometry {
            guard let window else { return KVGeometry(bytesPerBlock: 1024, blockCount: blockCount) }
            return KVGeometry(
                bytesPerBlock: 512, window: .init(positions: window, bytesPerBlock: 512),
                budgetBytes: blockCount * 1024)
        }
    }

    let vocabularyCount: Int
    let contextLength: Int
    let columnsMax: Int
    let kvGeometry: KVGeometry
    let stateWidth: Int = FakeModel.numbers
    static let numbers = 4
    private let memoryLength: Int
    private let window: Int?
    /// [group][block, offset]
    private var memory: [[UInt64]]
    private let logits: Logits
    private let control: FakeModelControl?

    init(_ shape: Shape = Shape(), control: FakeModelControl? = nil) {
        vocabularyCount = shape.vocabularyCount
        contextLength = shape.contextLength
        columnsMax = shape.columnsMax
        let kvGeometry = shape.kvGeometry
        self.kvGeometry = kvGeometry
        memoryLength = shape.memory
        window = shape.window
        memory = KVGroup.allCases.map {
            Array(repeating: .max, count: kvGeometry.blockCount(of: $0) * KVGeometry.blockTokens)
        }
        logits = Logits(vocabularyCount: shape.vocabularyCount)
        self.control = control
    }

    deinit { control?.modelEnded() }

    func forward(_ batch: StepBatch) -> Logits {
        control?.stepBegins(batch)
        precondition(batch.tokens.count <= columnsMax && !batch.tokens.isEmpty)
        precondition(batch.outputs.map(\.column) == batch.outputs.map(\.column).sorted())
        logits.prepare(batch.outputs)
        if control?.isLate == true { pause(milliseconds: 2) }
        let isCut = control?.isLate == true && batch.deadline?.decide(after: 0.5) == true
        let keptSlices = isCut ? batch.deadline?.keptSlices ?? 0 : batch.slices.count
        var outputs = 0
        var column = 0
        for (index, slice) in batch.slices.enumerated() {
            precondition(slice.start == column && slice.count > 0)
            guard index < keptSlices else {
                spoil(slice)
                column += slice.count
                continue
            }
            for position in slice.position..<slice.position + slice.count {
                let entry = Self.entry(batch.tokens[column], memoryLength == .max ? position : 0)
                memory[0][place(position, slice.blocks)] = entry
                if window != nil { memory[1][place(position, slice.windowBlocks)] = entry }
                column += 1
            }
            for wanted in batch.outputs.map(\.column) where slice.start..<slice.start + slice.count ~= wanted
            {
                let hash = hash(slice, wanted)
                let row = logits[outputs]
                for token in 0..<vocabularyCount {
                    row.values[token] = control?.breaksLogits == true ? .nan : Self.logit(hash, token)
                }
                for segment in 0..<row.segmentCount { row.summarize(segment) }
                outputs += 1
            }
            for sum in batch.sums where slice.start..<slice.start + slice.count ~= sum.columns.lowerBound {
                for wanted in sum.columns {
                    let state = Self.state(hash(slice, wanted))
                    for index in 0..<stateWidth {
                        sum.states.values[index] += control?.breaksLogits == true ? .nan : state[index]
                    }
                }
            }
        }
        precondition(column == batch.tokens.count && (isCut || outputs == batch.outputs.count))
        return logits
    }

    /// What a step leaves undone it may have written in part.
    private func spoil(_ slice: StepBatch.Slice) {
        for position in slice.position..<slice.position + slice.count {
            memory[0][place(position, slice.blocks)] = 1
            if window != nil { memory[1][place(position, slice.windowBlocks)] = 1 }
        }
    }

    /// Of the tokens that a column sees.
    private func hash(_ slice: StepBatch.Slice, _ column: Int) -> UInt64 {
        var hash: UInt64 = 0
        let end = slice.position + column - slice.start + 1
        for position in max(0, end - memoryLength)..<end {
            hash = Self.mix(hash ^ memory[0][place(position, slice.blocks)])
        }
        if let window {
            for position in max(0, end - window)..<end {
                hash = Self.mix(hash ^ memory[1][place(position, slice.windowBlocks)])
            }
        }
        return hash
    }

    func copyBlock(_ group: KVGroup, from source: Int32, to destination: Int32, tokens: Int) {
        for offset in 0..<tokens {
            memory[group.rawValue][Int(destination) * KVGeometry.blockTokens + offset] =
                memory[group.rawValue][Int(source) * KVGeometry.blockTokens + offset]
        }
    }

    func discardBlock(_ group: KVGroup, _ block: Int32) {
        let start = Int(block) * KVGeometry.blockTokens
        memory[group.rawValue].replaceSubrange(
            start..<start + KVGeometry.blockTokens, with: repeatElement(0, count: KVGeometry.blockTokens))
    }

    /// The row that a sequence of these tokens has to give.
    static func logits(after tokens: [TokenID], _ shape: Shape) -> [Float] {
        let hash = hash(of: tokens, shape)
        return (0..<shape.vocabularyCount).map { logit(hash, $0) }
    }

    /// The embedding that a prompt has to have: its states added one after the other.
    static func embedding(of tokens: [TokenID], _ pooling: Pooling, _ shape: Shape = Shape()) -> [Float] {
        let positions = pooling.positions(of: tokens.count)
        var sum = [Float](repeating: 0, count: numbers)
        for position in positions {
            let state = state(hash(of: Array(tokens[...position]), shape))
            for index in sum.indices { sum[index] += state[index] }
        }
        return sum.map { $0 * (1 / Float(positions.count)) }
    }

    private static func state(_ hash: UInt64) -> [Float] { (0..<numbers).map { logit(hash, $0) } }

    private static func hash(of tokens: [TokenID], _ shape: Shape) -> UInt64 {
        var hash: UInt64 = 0
        for (position, token) in tokens.enumerated().suffix(shape.memory) {
            hash = mix(hash ^ entry(token, shape.memory == .max ? position : 0))
        }
        for (position, token) in tokens.enumerated().suffix(shape.window ?? 0) {
            hash = mix(hash ^ entry(token, shape.memory == .max ? position : 0))
        }
        return hash
    }

    private func place(_ position: Int, _ blocks: [Int32]) -> Int {
        Int(blocks[position / KVGeometry.blockTokens]) * KVGeometry.blockTokens + position
            % KVGeometry.blockTokens
    }

    private static func entry(_ token: TokenID, _ position: Int) -> UInt64 {
        mix(UInt64(token) << 32 | UInt64(position))
    }

    private static func logit(_ hash: UInt64, _ token: Int) -> Float {
        Float(mix(hash &+ UInt64(token) &* 0x9E37_79B9) >> 40) * 0x1p-24 * 8 - 4
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        let product = (value ^ (value >> 29)) &* 0xBF58_476D_1CE4_E5B9 &+ 0x1234_5678_9ABC_DEF1
        return product ^ (product >> 32)
    }
}

/// Lets a test hold the model before chosen steps and see what it computes.
final class FakeModelControl: Sendable {
    struct State {
        var stepsAllowed = Int.max
        var stepsBegun = 0
        var columns: [Int] = []
        var breaksLogits = false
        /// Steps take longer than they may, and leave prompts undone when they can.
        var isLate = false
        var hasEnded = false
        /// The engine's thread: its directory in /proc.
        var thread = ""
    }

    private let state: Mutex<State>

    init(stepsAllowed: Int = .max, breaksLogits: Bool = false, isLate: Bool = false) {
        state = Mutex(State(stepsAllowed: stepsAllowed, breaksLogits: breaksLogits, isLate: isLate))
    }

    var stepsBegun: Int { state.withLock { $0.stepsBegun } }
    var columns: [Int] { state.withLock { $0.columns } }
    var breaksLogits: Bool { state.withLock { $0.breaksLogits } }
    var isLate: Bool { state.withLock { $0.isLate } }
    var thread: String { state.withLock { $0.thread } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    func allow(steps: Int) {
        state.withLock { $0.stepsAllowed = steps == .max ? .max : $0.stepsAllowed + steps }
    }

    private static func currentThread() -> String {
        var target = [CChar](repeating: 0, count: 256)
        let count = readlink("/proc/thread-self", &target, target.count)
        return "/proc/"
            + String(decoding: target[..<max(count, 0)].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func modelEnded() { state.withLock { $0.hasEnded = true } }

    func stepBegins(_ batch: StepBatch) {
        state.withLock {
            $0.stepsBegun += 1
            $0.columns.append(batch.tokens.count)
            if $0.thread.isEmpty { $0.thread = Self.currentThread() }
        }
        while state.withLock({ $0.stepsBegun > $0.stepsAllowed }) { pause(milliseconds: 1) }
    }
}
