import Compute
import Models

/// `apus bench`: the model's own speed, without scheduler and server, and how much of the machine it uses.
///
/// Prefill: one sequence of `promptTokens`, in chunks of up to 512; none when that is 0. Decode: for each batch size that many sequences,
/// one token of each a step, `generateTokens` steps. Both begin `depthTokens` into their sequences. Every figure is the
/// best of `runs` after a warm-up. The tokens are random but fixed, so that other engines can be given the same work.
public struct BenchCommand: Sendable {
    public struct Options: Sendable {
        public var promptTokens = 512
        public var generateTokens = 32
        public var batches = [1]
        /// Tokens that a sequence holds before it is measured; when it decodes, at least 16.
        public var depthTokens = 0
        /// Measured runs of each piece of work.
        public var runs = 3
        /// Measures the divergence of q8 from high on a fixed text, and no speed.
        public var divergence = false
        /// JSON lines instead of text.
        public var asJSON = false

        public init() {}
    }

    private static let chunkTokens = 512
    private static let decodeDepthTokensMin = 16

    private let options: Options
    private let report: BenchReport
    private let threads: Int

    public static func run(_ sources: SettingSources, _ options: Options) async throws {
        let configuration = try await sources.configuration()
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let threads = configuration.threads ?? ThreadPool.cpuCount
        let report = BenchReport(asJSON: options.asJSON, threads: threads, precision: configuration.precision)
        try await BlockingWork.run {
            if options.divergence {
                return report.write(try BenchDivergence(path, threads: threads))
            }
            let command = BenchCommand(options: options, report: report, threads: threads)
            try command.measure(path, configuration.precision)
        }
    }

    private func measure(_ path: String, _ precision: Precision) throws {
        let model = try LocalModel.load(path, ModelOptions(precision: precision, threads: threads))
        guard let roofline = Roofline(threads: threads) else {
            throw ServiceError("the system refused the memory whose read bandwidth is measured")
        }
        try checkSizes(model)
        var runner = BenchRunner(model, tokens: BenchTokens(vocabularyCount: model.vocabularyCount))

        let prompt = options.promptTokens
        if prompt > 0 {
            runner.fill(sequences: 1, tokens: options.depthTokens, chunk: Self.chunkTokens)
            try measure("prefill", columns: prompt, steps: 1, depth: options.depthTokens, model, roofline) {
                runner.prefill(count: prompt, position: options.depthTokens, chunk: Self.chunkTokens)
            }
        }
        let depth = max(options.depthTokens, Self.decodeDepthTokensMin)
        for batch in options.batches where options.generateTokens > 0 {
            runner.fill(sequences: batch, tokens: depth, chunk: Self.chunkTokens)
            let steps = options.generateTokens
            try measure("decode", columns: batch, steps: steps, depth: depth, model, roofline) {
                for step in 0..<steps { runner.decode(batch: batch, position: depth + step) }
            }
        }
    }

    /// Runs and reports one piece of work.
    private func measure(
        _ test: String, columns: Int, steps: Int, depth: Int, _ model: TransformerModel, _ roofline: Roofline,
        run: () -> Void
    ) throws {
        run()
        var seconds = Double.infinity
        for _ in 0..<options.runs {
            let start = ContinuousClock.now
            run()
            seconds = min(seconds, max(1e-9, (ContinuousClock.now - start) / .seconds(1)))
        }
        roofline.measure()
        let isPrefill = test == "prefill"
        let chunks = (columns + Self.chunkTokens - 1) / Self.chunkTokens
        report.write(
            BenchReport.Speed(
                test: test, tokens: isPrefill ? columns : steps, batch: isPrefill ? 1 : columns, depth: depth,
                tokensPerSecond: Double(columns * steps) / seconds,
                multiplyAddsPerSecond: Double(model.work.layerMultiplyAdds * columns * steps) / seconds
                    + Double(model.work.headMultiplyAdds * (isPrefill ? chunks : columns * steps)) / seconds,
                bytesPerSecond: Double(model.work.weightBytes * (isPrefill ? chunks : steps)) / seconds,
                multiplyAddsPerSecondMax: roofline.multiplyAddsPerSecond,
                bytesPerSecondMax: roofline.bytesPerSecond))
    }

    private func checkSizes(_ model: TransformerModel) throws(ServiceError) {
        let decoded = max(options.depthTokens, Self.decodeDepthTokensMin) + options.generateTokens
        let longest = max(options.depthTokens + options.promptTokens, decoded)
        guard longest <= model.plan.sequenceMax else {
            throw ServiceError(
                "\(longest) tokens do not fit in the model's context of \(model.plan.sequenceMax)")
        }
        for batch in options.batches {
            guard batch <= model.columnsMax,
                BenchRunner.fits(model, sequences: batch, tokens: decoded)
            else {
                throw ServiceError(
                    "a batch of \(batch) sequences does not fit in the model's KV cache or step")
            }
        }
    }
}
