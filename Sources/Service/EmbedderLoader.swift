import API
import Compute
import Engine
import ModelFiles
import Models
import Tokenization

/// From the folder of a model that embeds to its running engine.
struct EmbedderLoader: Sendable {
    let path: String
    let configuration: ServiceConfiguration

    func load() async throws -> ServedEmbedder {
        try await BlockingWork.run { try loadNow() }
    }

    private func loadNow() throws -> ServedEmbedder {
        guard let folder = ModelFolder(path: path) else {
            throw ServiceError("embedding-model is \(path), which is no folder")
        }
        let tokenizer: Tokenizer
        do throws(TokenizerError) {
            tokenizer = try Tokenizer(folder)
        } catch {
            throw ServiceError("cannot use the tokenizer of \(path): \(error)")
        }
        let (precision, threads) = (configuration.precision, configuration.threads ?? ThreadPool.cpuCount)
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
