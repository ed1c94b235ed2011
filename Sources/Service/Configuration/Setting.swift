import Compute
import Engine
import HTTP
import Logging

/// One value that can be set. It has one name everywhere: `--kv-memory`, `APUS_KV_MEMORY`, `kv-memory:`.
struct Setting: Sendable {
    let name: String
    /// What a value must look like, for the error.
    let expectation: String
    /// No error shows the value.
    var isSecret = false
    /// Takes a value over; false when it is not as expected.
    let apply: @Sendable (String, inout ServiceConfiguration) -> Bool

    typealias Path<Value> = WritableKeyPath<ServiceConfiguration, Value> & Sendable

    static let all: [Setting] = [
        text("host", \.host),
        integer("port", \.port, 0...65_535),
        listeners("listen", \.listen),
        path("hand-over", \.handOver),
        proxies("trusted-proxies", \.trustedProxies),
        text("model", \.model),
        text("model-id", \.modelID),
        text("embedding-model", \.embeddingModel),
        integer("threads", \.threads, 1...256),
        word("precision", \.precision),
        integer("context", \.contextTokens, 1...(1 << 30)),
        bytes("kv-memory", \.kvMemoryBytes, 1...(1 << 46)),
        word("kv-type", \.kvType),
        integer("queue-max", \.queueMax, 1...1_000_000),
        integer("queue-tokens-max", \.queueTokensMax, 1...(1 << 30)),
        integer("sequences-max", \.sequencesMax, 1...4096),
        time("inter-token-budget", \.interTokenBudget),
        word("speculation", \.speculation),
        word("log-level", \.logLevel),
        word("log-format", \.logFormat),
        flag("access-log", \.logsAccess),
        paths("access-log-exclude", \.accessLogExclude),
        word("metrics-compat", \.metricsCompat),
        time("shutdown-delay", \.shutdownDelay),
        time("stall-timeout", \.stallTimeout),

        files("tls-certificate", \.tls.certificates),
        files("tls-key", \.tls.keys),
        word("tls-min-version", \.tls.minimumVersion),
        word("tls-unknown-name", \.tls.unknownName),
        word("tls-client-auth", \.tls.clientAuthentication),
        text("tls-client-ca", \.tls.clientAuthorities),
        interval("tls-reload-interval", \.tls.reloadInterval),
        time("tls-handshake-timeout", \.http.tlsHandshakeTimeout),

        key("api-key", named: "default"),
        text("api-keys-file", \.access.keysFile),
        flag("allow-unauthenticated", \.access.allowsUnauthenticated),
        hosts("allowed-hosts"),
        origins("cors-origins"),
        flag("metrics-public", \.access.metricsArePublic),

        flag("compress-answers", \.compression.answers),
        bytes("compressed-bytes-min", \.http.compressedBytesMin, 0...(1 << 30)),
        flag("compress-streams", \.compression.streams),
        flag("compressed-requests", \.compression.requests),
        bytes("inflated-bytes-free", \.http.inflatedBytesFree, 0...(1 << 32)),
        integer("inflation-ratio-max", \.http.inflationRatioMax, 1...10_000),

        bytes("request-line-bytes-max", \.http.requestLineBytesMax, 8_000...1_048_576),
        bytes("method-bytes-max", \.http.methodBytesMax, 7...8_000),
        integer("leading-empty-lines-max", \.http.leadingEmptyLinesMax, 0...1_000),
        bytes("request-id-bytes-max", \.http.requestIDBytesMax, 0...8_192),
        bytes("field-line-bytes-max", \.http.fieldLineBytesMax, 1_024...1_048_576),
        bytes("header-bytes-max", \.http.headerBytesMax, 1_024...16_777_216),
        integer("field-count-max", \.http.fieldCountMax, 16...10_000),
        bytes("body-bytes-max", \.http.bodyBytesMax, 1_024...(1 << 32)),
        bytes("chunk-line-bytes-max", \.http.chunkLineBytesMax, 16...65_536),
        bytes("chunk-extension-bytes-max", \.http.chunkExtensionBytesMax, 0...16_777_216),
        integer("chunk-count-free", \.http.chunkCountFree, 0...(1 << 30)),
        bytes("chunk-mean-bytes-min", \.http.chunkMeanBytesMin, 0...65_536),
        bytes("trailer-bytes-max", \.http.trailerBytesMax, 0...16_777_216),
        integer("trailer-count-max", \.http.trailerCountMax, 0...10_000),
        time("header-timeout", \.http.headerTimeout),
        time("body-idle-timeout", \.http.bodyIdleTimeout),
        bytes("body-bytes-per-second-min", \.http.bodyBytesPerSecondMin, 0...(1 << 30)),
        time("body-rate-grace", \.http.bodyRateGrace),
        time("write-stall-timeout", \.http.writeStallTimeout),
        time("keep-alive-timeout", \.http.keepAliveTimeout),
        time("linger-timeout", \.http.lingerTimeout),
        bytes("linger-bytes-max", \.http.lingerBytesMax, 0...(1 << 30)),
        time("half-close-grace", \.http.halfCloseGrace),
        time("ping-interval", \.http.eventStreamPingInterval),
        time("drain-timeout", \.http.drainTimeout),
        time("first-request-grace", \.http.firstRequestGrace),
        bytes("proxy-header-bytes-max", \.http.proxyHeaderBytesMax, 107...65_551),
        integer("connections-max", \.http.connectionsMax, 1...1_000_000),
        integer("connections-reserve", \.http.connectionsReserve, 0...1_000),
        time("accept-pause", \.http.acceptPause),
        time("eviction-age", \.http.evictionAge),
        integer("requests-per-connection-max", \.http.requestsPerConnectionMax, 1...(1 << 30)),
        bytes("pipelined-bytes-max", \.http.pipelinedBytesMax, 0...(1 << 30)),
        integer("requests-per-turn-max", \.http.requestsPerTurnMax, 1...10_000),
        bytes("outbound-high-water-bytes", \.http.outboundHighWaterBytes, 4_096...(1 << 30)),
        bytes("outbound-low-water-bytes", \.http.outboundLowWaterBytes, 1...(1 << 30)),
        bytes("outbound-bytes-max", \.http.outboundBytesMax, 1_048_576...(1 << 32)),
    ]

    private static func text(_ name: String, _ path: Path<String>) -> Setting {
        Setting(name: name, expectation: "text") { value, configuration in
            configuration[keyPath: path] = value
            return true
        }
    }

    private static func text(_ name: String, _ path: Path<String?>) -> Setting {
        Setting(name: name, expectation: "text") { value, configuration in
            configuration[keyPath: path] = value
            return true
        }
    }

    private static func integer<Number: FixedWidthInteger & Sendable>(
        _ name: String, _ path: Path<Number>, _ range: ClosedRange<Int>
    ) -> Setting {
        Setting(name: name, expectation: expectation("an integer", range)) { value, configuration in
            guard let count = Quantity.integer(value), range.contains(count) else { return false }
            configuration[keyPath: path] = Number(count)
            return true
        }
    }

    private static func integer(_ name: String, _ path: Path<Int?>, _ range: ClosedRange<Int>) -> Setting {
        Setting(name: name, expectation: expectation("an integer", range)) { value, configuration in
            guard let count = Quantity.integer(value), range.contains(count) else { return false }
            configuration[keyPath: path] = count
            return true
        }
    }

    private static func bytes(_ name: String, _ path: Path<Int>, _ range: ClosedRange<Int>) -> Setting {
        Setting(name: name, expectation: expectation("bytes such as 64KiB or 2GiB,", range)) {
            value, configuration in
            guard let count = Quantity.bytes(value), range.contains(count) else { return false }
            configuration[keyPath: path] = count
            return true
        }
    }

    private static func bytes(_ name: String, _ path: Path<Int?>, _ range: ClosedRange<Int>) -> Setting {
        Setting(name: name, expectation: expectation("bytes such as 64KiB or 2GiB,", range)) {
            value, configuration in
            guard let count = Quantity.bytes(value), range.contains(count) else { return false }
            configuration[keyPath: path] = count
            return true
        }
    }

    private static func time(_ name: String, _ path: Path<Duration>) -> Setting {
        Setting(name: name, expectation: "a time such as 500ms, 30s or 2m, at most 24h") {
            value, configuration in
            guard let duration = Quantity.duration(value), duration <= .seconds(86_400) else { return false }
            configuration[keyPath: path] = duration
            return true
        }
    }

    private static func interval(_ name: String, _ path: Path<Duration>) -> Setting {
        Setting(name: name, expectation: "a time such as 5s, from 1s to 30s") { value, configuration in
            guard let duration = Quantity.duration(value), duration >= .seconds(1), duration <= .seconds(30)
            else { return false }
            configuration[keyPath: path] = duration
            return true
        }
    }

    private static func files(_ name: String, _ path: Path<[String]>) -> Setting {
        Setting(
            name: name, expectation: "1 to \(TLSConfiguration.pairsMax) files with commas between them"
        ) { value, configuration in
            let files = value.split(separator: ",", omittingEmptySubsequences: false).map { part -> String in
                var file = part
                while file.first == " " { file.removeFirst() }
                while file.last == " " { file.removeLast() }
                return String(file)
            }
            guard files.count <= TLSConfiguration.pairsMax, !files.contains("") else { return false }
            configuration[keyPath: path] = files
            return true
        }
    }

    private static func flag(_ name: String, _ path: Path<Bool>) -> Setting {
        Setting(name: name, expectation: "true or false") { value, configuration in
            guard let flag = Bool(value) else { return false }
            configuration[keyPath: path] = flag
            return true
        }
    }

    private static func paths(_ name: String, _ path: Path<Set<String>>) -> Setting {
        Setting(name: name, expectation: "paths such as /health,/metrics") { value, configuration in
            let paths = value.filter { $0 != " " }.split(separator: ",").map(String.init)
            guard paths.allSatisfy({ $0.hasPrefix("/") }) else { return false }
            configuration[keyPath: path] = Set(paths)
            return true
        }
    }

    private static func word<Word: RawRepresentable & CaseIterable & Sendable>(
        _ name: String, _ path: Path<Word>
    ) -> Setting where Word.RawValue == String {
        let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
        return Setting(name: name, expectation: "one of \(words)") { value, configuration in
            guard let word = Word(rawValue: value) else { return false }
            configuration[keyPath: path] = word
            return true
        }
    }

    private static func expectation(_ what: String, _ range: ClosedRange<Int>) -> String {
        "\(what) from \(range.lowerBound) to \(range.upperBound)"
    }
}
