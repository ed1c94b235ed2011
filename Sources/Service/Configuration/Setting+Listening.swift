import HTTP

extension Setting {
    static func listeners(_ name: String, _ path: Path<[ListenerConfiguration]?>) -> Setting {
        let expectation =
            "addresses with commas between them, such as 127.0.0.1:8080, [::]:8080, unix:/run/apus.sock, unix:@apus "
            + "or systemd, each with its options such as ;proxy, ;reuseport or ;mode=0660"
        return Setting(name: name, expectation: expectation) { value, configuration in
            guard let listeners = ListenerConfiguration.list(value) else { return false }
            configuration[keyPath: path] = listeners
            return true
        }
    }

    /// Of a socket file.
    static func path(_ name: String, _ path: Path<String?>) -> Setting {
        Setting(name: name, expectation: "the absolute path of a socket, at most 107 bytes") {
            value, configuration in
            guard value.hasPrefix("/"), !value.hasSuffix("/"), value.utf8.count <= 107 else { return false }
            configuration[keyPath: path] = value
            return true
        }
    }

    static func proxies(_ name: String, _ path: Path<TrustedProxies>) -> Setting {
        let expectation =
            "addresses and ranges such as 127.0.0.1, 10.0.0.0/8 or unix, with commas between them"
        return Setting(name: name, expectation: expectation) { value, configuration in
            guard let proxies = TrustedProxies(value) else { return false }
            configuration[keyPath: path] = proxies
            return true
        }
    }
}
