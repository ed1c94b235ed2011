import Compute

/// The logits of a step's outputs with a summary of every segment of a row: its largest logit, and where they
/// were asked for its sums of exponentials.
///
/// The head's phase writes the summaries while a segment is in the cache, on all threads. By them a sampler
/// finds the likeliest tokens, the probabilities' total and the place of a draw without reading whole rows,
/// which for 262,144 tokens would take longer than the head itself takes for a column.
///
/// Each segment is summarised in one order, so a row's summaries depend on its logits only. Belongs to its
/// model's thread; during a step, a segment belongs to the thread that multiplies it.
public final class Logits {
    /// Tokens of a segment; a row's last may have fewer.
    public static let segmentSize = 256

    public let vocabularyCount: Int
    public let segmentCount: Int
    /// Rows of this step.
    public private(set) var count = 0
    private let kernels: Kernels
    /// [row][vocabulary]
    private var values = Buffer<Float>(0)
    /// [row][segment]
    private var maxima = Buffer<Float>(0)
    /// [row][2][segment]
    private var sums = Buffer<Float>(0)
    /// Inverse temperatures of a row's sums, of which the first is 1; 0 where there are none. [row][2]
    private var scales = Buffer<Float>(0)

    public init(vocabularyCount: Int, kernels: Kernels = .best) {
        precondition(vocabularyCount > 0, "a vocabulary has tokens")
        self.vocabularyCount = vocabularyCount
        self.kernels = kernels
        segmentCount = (vocabularyCount + Self.segmentSize - 1) / Self.segmentSize
    }

    /// Makes room for a step's outputs and notes which sums each wants. Its rows hold nothing yet.
    public func prepare(_ outputs: [StepBatch.Output]) {
        count = outputs.count
        if scales.count < count * 2 {
            values = Buffer(count * vocabularyCount)
            maxima = Buffer(count * segmentCount)
            sums = Buffer(count * segmentCount * 2)
            scales = Buffer(count * 2)
        }
        for (row, output) in outputs.enumerated() {
            let scale = output.temperature > 0 ? LogitRow.scale(temperature: output.temperature) : 0
            scales.pointer[row * 2] = output.wantsTotal || scale == 1 ? 1 : 0
            scales.pointer[row * 2 + 1] = scale == 1 ? 0 : scale
        }
    }

    /// One row of this step.
    public subscript(row: Int) -> LogitRow {
        precondition(row < count, "row \(row) of \(count)")
        return LogitRow(
            count: vocabularyCount, segmentCount: segmentCount,
            values: values.pointer + row * vocabularyCount, maxima: maxima.pointer + row * segmentCount,
            sums: sums.pointer + row * segmentCount * 2, scales: scales.pointer + row * 2, kernels: kernels)
    }
}
