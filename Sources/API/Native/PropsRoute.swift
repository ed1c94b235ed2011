import Engine
import JSON

/// `GET /props`, llama-server's description of itself: the model, its template, how tokens are drawn where a request
/// says nothing. The model's folder stays unsaid.
enum PropsRoute {
    static func answer(_ models: ModelSlot) throws(APIError) -> [UInt8] {
        let model = try models.model(named: nil)
        var writer = JSONWriter(reservingCapacity: 8192)
        writer.beginObject()
        writer.key("default_generation_settings")
        writer.beginObject()
        writer.key("params")
        write(model.sampling, to: &writer)
        writer.key("n_ctx")
        writer.int(model.engine.contextLength)
        writer.endObject()
        writer.key("total_slots")
        writer.int(model.sequencesMax)
        writer.key("model_alias")
        writer.string(model.id)
        writer.key("model_path")
        writer.string(model.fileName)
        writer.key("modalities")
        writer.beginObject()
        for name in ["vision", "audio"] {
            writer.key(named: name)
            writer.bool(false)
        }
        writer.endObject()
        writer.key("chat_template")
        writer.optionalString(model.template?.source)
        for (name, token) in [
            ("bos_token", model.tokenizer.bosToken), ("eos_token", model.tokenizer.eosToken),
        ] {
            writer.key(named: name)
            writer.string(utf8: token.map { Array(model.tokenizer.bytes(of: $0, special: true)) } ?? [])
        }
        writer.key("build_info")
        writer.string("apus-" + APIVersion.current)
        writer.key("is_sleeping")
        writer.bool(false)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ sampling: SamplingParameters, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("seed")
        // A new one for each request.
        writer.int(-1)
        for (name, value) in [
            ("temperature", sampling.temperature), ("dynatemp_range", sampling.dynamicRange),
            ("dynatemp_exponent", sampling.dynamicExponent), ("top_p", sampling.topP),
            ("min_p", sampling.minP),
            ("typical_p", sampling.typicalP), ("top_n_sigma", sampling.topNSigma),
            ("xtc_probability", sampling.xtcProbability), ("xtc_threshold", sampling.xtcThreshold),
            ("repeat_penalty", sampling.repetitionPenalty), ("presence_penalty", sampling.presencePenalty),
            ("frequency_penalty", sampling.frequencyPenalty), ("dry_multiplier", sampling.dry.multiplier),
            ("dry_base", sampling.dry.base), ("mirostat_tau", sampling.mirostat?.tau ?? 5),
            ("mirostat_eta", sampling.mirostat?.eta ?? 0.1),
        ] {
            writer.key(named: name)
            writer.number(value)
        }
        for (name, value) in [
            ("top_k", sampling.topK), ("repeat_last_n", sampling.repetitionWindow ?? -1),
            ("dry_allowed_length", sampling.dry.allowedLength),
            ("dry_penalty_last_n", sampling.dry.window ?? -1), ("mirostat", sampling.mirostat?.version ?? 0),
            ("min_keep", sampling.keptMin),
        ] {
            writer.key(named: name)
            writer.int(value)
        }
        writer.key("samplers")
        writer.beginArray()
        for stage in sampling.order ?? SamplerStage.usualOrder { writer.string(stage.rawValue) }
        writer.endArray()
        writer.endObject()
    }
}
