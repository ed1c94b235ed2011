import Compute
import Glibc
import JSON
import Models

/// `apus bench`: the model's own speed, without scheduler and server.
///
/// Prefill: one sequence of `promptTokens`, in chunks of up to 512. Decode: for each batch size that many sequences,
/// each prefilled with 16 tokens, then one token of each a step, `generateTokens` steps. Every figure is the best of
/// three runs after a warm-up. The tokens are random but fixed, so that other engines can be given the same work.
public struct BenchCommand: Sendable {
    public struct Options: Sendable {
        public var promptTokens = 512
        public var generateTokens = 32
        public var batches = [1]
        /// JSON lines instead of text.
        public var asJSON = false

        public init() {}
    }

    private static let measuredRuns = 3
    private static let chunkTokens = 512
    /// Tokens that each sequence of a decode run begins with.
    private static let decodePromptTokens = 16

    private let options: Options
    private let threads: Int

    public static func run(_ sources: SettingSources, _ options: Options) async throws {
        let configuration = try await sources.configuration()
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let command = BenchCommand(options: options, threads: configuration.threads ?? ThreadPool.cpuCount)
        try await BlockingWork.run { try command.measure(path, configuration.precision) }
    }

    private func measure(_ path: String, _ precision: Precision) throws {
        let file = try ModelLoader.open(path)
        let progress = LoadProgress()
        let model: TransformerModel
        do throws(ModelError) {
            model = try TransformerModel.load(
                file: file, options: ModelOptions(precision: precision, threads: threads),
                progress: { progress.report($0) })
        } catch {
            throw ServiceError("cannot load \(path): \(error)")
        }
        progress.end()
        model.adoptThread()
        try checkSizes(model)
        var runner = BenchRunner(model, tokens: BenchTokens(vocabularyCount: model.vocabularyCount))

        let prefill = best { () -> Double in
            let seconds = Self.seconds {
                runner.prefill(sequence: 0, of: 1, count: options.promptTokens, chunk: Self.chunkTokens)
            }
            return Double(options.promptTokens) / seconds
        }
        report("prefill", tokens: options.promptTokens, batch: 1, prefill)
        for batch in options.batches {
            let decode = best { () -> Double in
                for sequence in 0..<batch {
                    runner.prefill(
                        sequence: sequence, of: batch, count: Self.decodePromptTokens, chunk: Self.chunkTokens
                    )
                }
                let seconds = Self.seconds {
                    for step in 0..<options.generateTokens {
                        runner.decode(batch: batch, position: Self.decodePromptTokens + step)
                    }
                }
                return Double(batch * options.generateTokens) / seconds
            }
            report("decode", tokens: options.generateTokens, batch: batch, decode)
        }
    }

    private func checkSizes(_ model: TransformerModel) throws(ServiceError) {
        let longest = max(options.promptTokens, Self.decodePromptTokens + options.generateTokens)
        guard longest <= model.contextLength else {
            throw ServiceError(
                "\(longest) tokens do not fit in the model's context of \(model.contextLength)")
        }
        let blocks = BenchRunner.blocks(Self.decodePromptTokens + options.generateTokens)
        for batch in options.batches {
            guard batch <= model.columnsMax, batch * blocks <= model.kvGeometry.blockCount else {
                throw ServiceError(
                    "a batch of \(batch) sequences does not fit in the model's KV cache or step")
            }
        }
    }

    /// The best of the measured runs after one that is not.
    private func best(_ run: () -> Double) -> Double {
        _ = run()
        return (0..<Self.measuredRuns).map { _ in run() }.max() ?? 0
    }

    private static func seconds(_ work: () -> Void) -> Double {
        let start = ContinuousClock.now
        work()
        return max(1e-9, (ContinuousClock.now - start) / .seconds(1))
    }

    private func report(_ test: String, tokens: Int, batch: Int, _ tokensPerSecond: Double) {
        let hundredths = Int((tokensPerSecond * 100).rounded())
        let digits = hundredths % 100 < 10 ? "0\(hundredths % 100)" : "\(hundredths % 100)"
        let speed = "\(hundredths / 100).\(digits)"
        guard options.asJSON else {
            let line = "\(test), batch \(batch), \(tokens) tokens, \(threads) threads: \(speed) tokens/s\n"
            return LogOutput.writeAll(Array(line.utf8), to: STDOUT_FILENO)
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("engine")
        writer.string("apus")
        writer.key("test")
        writer.string(test)
        for (name, value) in [("tokens", tokens), ("batch", batch), ("threads", threads)] {
            writer.key(name)
            writer.int(value)
        }
        writer.key("tokens_per_second")
        writer.append(raw: Array(speed.utf8))
        writer.endObject()
        LogOutput.writeAll(writer.bytes + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }
}
