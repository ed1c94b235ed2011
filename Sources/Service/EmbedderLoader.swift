import API
import Compute
import Engine
import ModelFiles
import Models
import Tokenization

/// From the folder of a model that embeds to its running engine.
struct EmbedderLoader: Sendable {
    let path: String
    private let folder: ModelFolder
    private let configuration: ServiceConfiguration
    private var threads: Int { configuration.threads ?? ThreadPool.cpuCount }
    /// What it will take of memory.
    let plan: EncoderPlan

    /// Reads and checks the folder; nothing is loaded yet.
    init(path: String, configuration: ServiceConfiguration) throws(ServiceError) {
        guard let folder = ModelFolder(path: path) else {
            throw ServiceError("embedding-model is \(path), which is no folder")
        }
        (self.path, self.folder, self.configuration) = (path, folder, configuration)
        do throws(ModelError) {
            plan = try EncoderPlan(
                folder: folder, precision: configuration.precision,
                threads: configuration.threads ?? ThreadPool.cpuCount)
        } catch {
            throw ServiceError("cannot load \(path): \(error)")
        }
    }

    /// Loads it on a thread of its engine.
    func load() async throws -> ServedEmbedder {
        try await BlockingWork.run { try loadNow() }
    }

    private func loadNow() throws -> ServedEmbedder {
        if let available = AvailableMemory.read(), plan.totalBytes > available.bytes {
            throw ServiceError(
                "\(path) does not fit in memory: it needs \(Quantity.show(bytes: plan.totalBytes)), but "
                    + "\(available.limit) leaves \(Quantity.show(bytes: available.bytes))")
        }
        let tokenizer: Tokenizer
        do throws(TokenizerError) {
            tokenizer = try Tokenizer(folder)
        } catch {
            throw ServiceError("cannot use the tokenizer of \(path): \(error)")
        }
        let (folder, precision, threads) = (folder, configuration.precision, threads)
        let engine: Embedder
        do {
            engine = try Embedder(queueTokensMax: configuration.queueTokensMax) {
                try EncoderModel.load(folder: folder, precision: precision, threads: threads)
            }
        } catch {
            throw ServiceError("cannot load \(path): \(error)")
        }
        guard tokenizer.vocabularyCount <= engine.vocabularyCount else {
            throw ServiceError(
                "\(path): the tokenizer has \(tokenizer.vocabularyCount) tokens, the model \(engine.vocabularyCount)"
            )
        }
        return ServedEmbedder(
            id: ModelLocation.id(of: path), created: ModelLoader.modificationTime(path), tokenizer: tokenizer,
            engine: engine)
    }
}
