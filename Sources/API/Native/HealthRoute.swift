import Engine
import JSON

/// `GET /health`: whether requests are answered, with the engine's figures of the moment.
enum HealthRoute {
    static func answer(_ models: ModelSlot) throws(APIError) -> [UInt8] {
        if case .draining = models.readiness { throw .unavailable("The server is stopping.") }
        let engine = try models.model().engine.status
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("status")
        writer.string("ok")
        writer.key("engine")
        writer.beginObject()
        for (name, value) in [
            ("requests_waiting", engine.requestsWaiting),
            ("sequences_running", engine.sequencesRunning),
            ("sequences_paused", engine.sequencesPaused),
            ("kv_bytes", engine.memoryBytes),
            ("kv_bytes_free", engine.memoryFreeBytes),
            ("kv_blocks", engine.blockCount),
            ("kv_blocks_free", engine.blocksFree),
            ("kv_blocks_kept", engine.blocksKept),
            ("kv_window_blocks", engine.windowBlockCount),
            ("kv_window_blocks_free", engine.windowBlocksFree),
            ("kv_window_blocks_kept", engine.windowBlocksKept),
            ("prompt_tokens", engine.promptTokens),
            ("cached_tokens", engine.cachedTokens),
            ("generated_tokens", engine.generatedTokens),
            ("pauses", engine.pauses),
            ("steps", engine.steps),
        ] {
            writer.key(name)
            writer.int(value)
        }
        writer.endObject()
        writer.endObject()
        return writer.bytes
    }
}
