import API
import Chat
import Engine
import Glibc
import HTTP
import Logging
import ModelFiles
import Models
import Tokenization

/// A model that runs on its engine.
struct LoadedModel: Sendable {
    let served: ServedModel
    let engine: Engine
    let plan: MemoryPlan
}

/// From a model file to a running engine.
struct ModelLoader: Sendable {
    let path: String
    let configuration: ServiceConfiguration
    /// What the model that embeds takes beside this one; nil without one.
    var embedder: EncoderPlan?
    let log: Logger

    /// Opens and checks the file, checks that the model fits in memory, and loads it on a thread of the engine.
    func load(progress: @escaping @Sendable (Double) -> Void) async throws -> LoadedModel {
        try await BlockingWork.run { try loadNow(progress: progress) }
    }

    private func loadNow(progress: @escaping @Sendable (Double) -> Void) throws -> LoadedModel {
        let file = try Self.open(path)
        let tokenizer = try Self.tokenizer(of: file, path)
        let (plan, options) = try fit(file)
        var engineConfiguration = EngineConfiguration()
        engineConfiguration.queueMax = configuration.queueMax
        engineConfiguration.queueTokensMax = configuration.queueTokensMax
        engineConfiguration.interTokenBudget = max(.milliseconds(1), configuration.interTokenBudget)
        engineConfiguration.sequencesMax = configuration.sequencesMax
        engineConfiguration.speculation = configuration.speculation
        let engine: Engine
        do {
            engine = try Engine(configuration: engineConfiguration, round: LoopWakeups.gather) {
                let model = try TransformerModel.load(file: file, options: options, progress: progress)
                model.adoptThread()
                return model
            }
        } catch {
            throw ServiceError("cannot load \(path): \(error)")
        }
        let served = ServedModel(
            id: configuration.modelID ?? ModelLocation.id(of: path), created: Self.modificationTime(path),
            tokenizer: tokenizer, template: template(of: file, tokenizer), sampling: sampling(of: file),
            engine: engine, embedding: embedding(of: file, engine),
            fileName: path.split(separator: "/").last.map(String.init) ?? path,
            sequencesMax: configuration.sequencesMax)
        return LoadedModel(served: served, engine: engine, plan: plan)
    }

    static func open(_ path: String) throws(ServiceError) -> GGUFFile {
        do throws(ModelFileError) {
            return try GGUFFile(path: path)
        } catch {
            throw ServiceError(error.description)
        }
    }

    static func tokenizer(of file: GGUFFile, _ path: String) throws(ServiceError) -> Tokenizer {
        do throws(TokenizerError) {
            return try Tokenizer(file.metadata)
        } catch {
            throw ServiceError("cannot use the tokenizer of \(path): \(error)")
        }
    }

    // MARK: - Memory

    private func fit(_ file: GGUFFile) throws(ServiceError) -> (MemoryPlan, ModelOptions) {
        var options = ModelOptions(
            precision: configuration.precision, contextLength: configuration.contextTokens,
            kvBytesMax: configuration.kvMemoryBytes)
        options.kvType = configuration.kvType
        if let threads = configuration.threads { options.threads = threads }
        let fit = try MemoryFit(file: file, options: options, beside: embedder, available: .read())
        if let usual = fit.usualKVBytes {
            log.notice(
                "memory is short: the KV cache is smaller than usual",
                metadata: ["kv": "\(fit.plan.kvText)", "usual": "\(Quantity.show(bytes: usual))"])
        }
        return (fit.plan, fit.options)
    }

    // MARK: - Chat template

    /// The file's own, else the one that its family is known for. Nil, with a warning, when there is none or it
    /// cannot be used: completions work all the same.
    private func template(of file: GGUFFile, _ tokenizer: Tokenizer) -> ChatTemplate? {
        func text(_ token: TokenID?) -> String {
            token.map { String(decoding: tokenizer.bytes(of: $0, special: true), as: UTF8.self) } ?? ""
        }
        do {
            let architecture = try file.metadata.string("general.architecture")
            guard
                let source = try file.metadata.optionalString("tokenizer.chat_template")
                    ?? ChatTemplate.builtInSource(architecture: architecture)
            else {
                log.warning("the model has no chat template: /v1/chat/completions cannot be used")
                return nil
            }
            return try ChatTemplate(
                source: source, bosToken: text(tokenizer.bosToken), eosToken: text(tokenizer.eosToken))
        } catch {
            log.warning(
                "the model's chat template cannot be used: /v1/chat/completions is off",
                metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// Embeddings by the same model. Nil, with a warning, when the file asks for a pooling that is not known here.
    private func embedding(of file: GGUFFile, _ engine: Engine) -> (any EmbeddingEngine)? {
        do throws(ModelFileError) {
            return DecoderEmbedder(engine, width: engine.stateWidth, pooling: try Pooling(file.metadata))
        } catch {
            log.warning("the model does not embed", metadata: ["error": "\(error)"])
            return nil
        }
    }

    /// How the file recommends to draw. With a warning OpenAI's defaults, when that cannot be followed.
    private func sampling(of file: GGUFFile) -> SamplingParameters {
        do throws(ModelFileError) {
            return try SamplingParameters(recommendedBy: file.metadata)
        } catch {
            log.warning(
                "the model's sampling defaults cannot be used; OpenAI's are",
                metadata: ["error": "\(error)"])
            return SamplingParameters()
        }
    }

    static func modificationTime(_ path: String) -> Int64 {
        var facts = stat()
        return stat(path, &facts) == 0 ? Int64(facts.st_mtim.tv_sec) : Int64(time(nil))
    }
}
