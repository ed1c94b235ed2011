import Compute
import Engine
import HTTP
import Logging
import Models

/// Everything that can be set about a server, with the defaults. `Setting.all` names each value.
public struct ServiceConfiguration: Sendable {
    /// Where it listens. Loopback: who opens it to others decides so.
    public var host = "127.0.0.1"
    /// 0 lets the system choose.
    public var port: UInt16 = 8080
    /// Where it listens instead of `host` and `port`; nil: there.
    public var listen: [ListenerConfiguration]?
    /// A unix socket at which a server takes over the sockets of the one before it, and gives them to the next.
    public var handOver: String?
    /// Proxies whose word about the client counts.
    public var trustedProxies = TrustedProxies()
    /// The model file; nil takes the default model from `$APUS_MODELS`, `none` serves the one that embeds alone.
    public var model: String?
    /// The name under which it is served; nil takes the file's name without its ending.
    public var modelID: String?
    /// The folder of a model that embeds, served beside the other.
    public var embeddingModel: String?
    /// Threads that compute; nil takes one for each CPU.
    public var threads: Int?
    public var precision = Precision.high
    /// Positions of a sequence, prompt and answer together; nil takes what the model was made for.
    public var contextTokens: Int?
    /// Bytes of the KV cache; nil takes what the model's plan says, or less where memory is short.
    public var kvMemoryBytes: Int?
    /// How keys and values are stored.
    public var kvType = KVType.f16
    /// Requests that may wait; the next one is answered 429.
    public var queueMax = 256
    /// Prompt tokens of the requests that wait; a request that would make them more is answered 429.
    public var queueTokensMax = 1 << 20
    /// Answers that are generated at once.
    public var sequencesMax = 256
    /// The longest time between two tokens of an answer that prompts of others may cause.
    public var interTokenBudget = Duration.milliseconds(100)
    /// Whether answers that repeat what was there get several tokens a step; they are the same either way.
    public var speculation = Speculation.ngram
    public var logLevel = Logger.Level.info
    public var logFormat = LogFormat.auto
    /// One line of log for each request.
    public var logsAccess = true
    /// Paths whose requests get no such line, such as `/metrics`.
    public var accessLogExclude: Set<String> = []
    /// Whether `/metrics` has another server's names too.
    public var metricsCompat = MetricsCompat.none
    /// From the failing of readiness to the end of accepting: the time that load balancers need to notice.
    public var shutdownDelay = Duration.zero
    /// A step of a model that takes longer makes `/livez` fail.
    public var stallTimeout = Duration.seconds(60)
    public var access = AccessSettings()
    public var compression = CompressionPolicy()
    public var http = HTTPLimits()
    public var tls = TLSSettings()

    public init() {}

    /// What `listen`, else `host` and `port`, ask for. With a certificate all TCP listeners use TLS, unless some are
    /// told to.
    public var listeners: [ListenerConfiguration] {
        let listeners = listen ?? [ListenerConfiguration(.ip(host: host, port: port))]
        guard !tls.certificates.isEmpty, !listeners.contains(where: \.usesTLS) else { return listeners }
        return listeners.map { listener in
            var listener = listener
            if case .ip = listener.address { listener.usesTLS = true }
            return listener
        }
    }
}

/// Whose names `/metrics` has beside ours.
public enum MetricsCompat: String, Sendable, CaseIterable {
    case none
    /// As llm-d and the Gateway API's inference extension read them by default.
    case vllm
}

/// How log lines are written.
public enum LogFormat: String, Sendable, CaseIterable {
    /// For people when standard error is a terminal, else JSON.
    case auto
    case console
    case json
}
