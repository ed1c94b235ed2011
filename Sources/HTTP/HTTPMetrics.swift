import Telemetry

/// The server's counters as Prometheus reads them. A new counter is one line in one of these tables.
enum HTTPMetrics {
    typealias Path<Value> = KeyPath<HTTPCounters.Snapshot, Value> & Sendable

    static let counts: [(name: String, kind: PrometheusText.Kind, help: String, value: Path<Int>)] = [
        ("connections_total", .counter, "Connections accepted.", \.connectionsAccepted),
        ("connections", .gauge, "Connections open.", \.connectionsActive),
        ("accept_failures_total", .counter, "Times that the system gave no connection.", \.acceptFailures),
        (
            "connections_evicted_total", .counter, "Idle or slow connections closed for others.",
            \.connectionsEvicted
        ),
        (
            "proxy_headers_refused_total", .counter,
            "Connections closed because their PROXY header was missing or wrong.", \.proxyHeadersRefused
        ),
        ("requests_total", .counter, "Requests received whole.", \.requests),
        ("requests_in_flight", .gauge, "Requests that are being answered.", \.requestsActive),
        ("timeouts_total", .counter, "Requests whose head or body took too long.", \.timeouts),
        ("slow_clients_total", .counter, "Connections cut because the client took nothing.", \.slowClients),
        (
            "vanished_clients_total", .counter, "Clients that went before their answer's end.",
            \.clientsVanished
        ),
        ("received_bytes_total", .counter, "Bytes from clients.", \.bytesReceived),
        ("sent_bytes_total", .counter, "Bytes to clients.", \.bytesSent),
    ]

    private static let tlsCounts:
        [(
            name: String, kind: PrometheusText.Kind, help: String,
            value: KeyPath<TLSCredentials.Counts, Int> & Sendable
        )] = [
            ("handshakes_total", .counter, "TLS handshakes that were finished.", \.handshakes),
            (
                "handshake_failures_total", .counter, "TLS handshakes that failed or took too long.",
                \.handshakeFailures
            ),
            ("reloads_total", .counter, "Times that changed certificates were taken.", \.reloads),
            (
                "reload_failures_total", .counter, "Times that changed certificates could not be used.",
                \.reloadFailures
            ),
            (
                "certificate_expiry_seconds", .gauge, "Until the first certificate is no longer valid.",
                \.secondsToExpiry
            ),
        ]

    static let tables: [(name: String, label: String, help: String, value: Path<[String: Int]>)] = [
        ("refusals_total", "reason", "Requests refused before any route saw them.", \.refusals),
        (
            "limits_reached_total", "limit", "Times that a limit was reached, by its setting's name.",
            \.limitsReached
        ),
    ]

    static func write(_ counters: HTTPCounters, _ router: Router, to text: inout PrometheusText) {
        let snapshot = counters.snapshot
        for count in counts {
            text.family("apus_http_\(count.name)", count.kind, count.help, snapshot[keyPath: count.value])
        }
        if let tls = snapshot.tls {
            for count in tlsCounts {
                text.family("apus_tls_\(count.name)", count.kind, count.help, tls[keyPath: count.value])
            }
        }
        for table in tables {
            text.family("apus_http_\(table.name)", .counter, table.help)
            for (key, value) in snapshot[keyPath: table.value].sorted(by: { $0.key < $1.key }) {
                text.sample(value, [(table.label, key)])
            }
        }
        text.family(
            "apus_http_responses_total", .counter,
            "Requests by route and status; 499 is a client that went before any answer.")
        counters.unrouted.write(to: &text)
        for route in router.counts { route.write(to: &text) }
    }
}

extension HTTPServer {
    /// Writes what the server counted since it started; for any thread.
    public func writeMetrics(to text: inout PrometheusText) {
        HTTPMetrics.write(counters, router, to: &text)
    }
}
