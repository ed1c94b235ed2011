import Engine
import HTTP
import JSON
import Synchronization

/// `GET /health`: whether requests are answered, with the figures of the moment of the engine that generates.
///
/// Probes come often and figures change once a step: an answer is kept as long as they are the same.
final class HealthRoute: Sendable {
    private let models: ModelSlot
    private let last = Mutex<(figures: EngineStatus?, response: HTTPResponse)?>(nil)

    init(_ models: ModelSlot) {
        self.models = models
    }

    func answer() -> HTTPResponse {
        do throws(APIError) {
            if case .draining = models.readiness { throw .unavailable("The server is stopping.") }
            let figures = try models.generator()?.engine.status
            return last.withLock { last in
                if let last, last.figures == figures { return last.response }
                let response = HTTPResponse.json(Self.encoded(figures))
                last = (figures, response)
                return response
            }
        } catch {
            return error.response
        }
    }

    private static func encoded(_ engine: EngineStatus?) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("status")
        writer.string("ok")
        if let engine { write(engine, to: &writer) }
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ engine: EngineStatus, to writer: inout JSONWriter) {
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
            writer.key(named: name)
            writer.int(value)
        }
        writer.endObject()
    }
}
