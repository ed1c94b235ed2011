import Engine
import HTTP
import JSON

/// What orchestrators ask, answered on the I/O loop: whether the process is to be restarted, and whether it is to get
/// requests.
enum ProbeRoutes {
    /// `GET /livez`, `/healthz` and `/ping`: 503 only when a restart is the cure, because a step of one of the models
    /// has taken longer than any step does.
    static func alive(_ models: ModelSlot, stallTimeout: Duration) -> HTTPResponse {
        models.roundTime > stallTimeout ? answer("stuck", isGood: false) : answer("alive", isGood: true)
    }

    /// `GET /readyz`: 200 when requests are served and more of them are welcome.
    static func ready(_ models: ModelSlot) -> HTTPResponse {
        switch models.readiness {
        case .loading(let progress): answer("loading", isGood: false, progress: progress)
        case .ready: answer("ready", isGood: true)
        case .draining: answer("draining", isGood: false)
        }
    }

    private static func answer(_ status: String, isGood: Bool, progress: Double? = nil) -> HTTPResponse {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("status")
        writer.string(status)
        if let progress {
            writer.key("progress")
            writer.number((progress * 1000).rounded() / 1000)
        }
        writer.endObject()
        if isGood { return .json(writer.bytes) }
        return .json(writer.bytes, status: .serviceUnavailable, headers: ["Retry-After": "1"])
    }
}
