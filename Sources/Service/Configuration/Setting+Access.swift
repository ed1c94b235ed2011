import HTTP

extension Setting {
    /// A key is hashed at once, and no error shows it.
    static func key(_ name: String, named keyName: String) -> Setting {
        Setting(name: name, expectation: KeyFile.expectation, isSecret: true) { value, configuration in
            guard let key = KeyFile.key(value, name: keyName) else { return false }
            configuration.access.key = key
            return true
        }
    }

    static func hosts(_ name: String) -> Setting {
        Setting(name: name, expectation: "hosts without ports, such as api.example.com, *.example.com, or *")
        {
            value, configuration in
            guard let hosts = HostList(list(value)) else { return false }
            configuration.access.hosts = hosts
            return true
        }
    }

    static func origins(_ name: String) -> Setting {
        Setting(
            name: name, expectation: "origins such as https://app.example.com, http://localhost:3000, or *"
        ) { value, configuration in
            guard let origins = CrossOriginPolicy(list(value)) else { return false }
            configuration.access.origins = origins
            return true
        }
    }

    /// What stands between commas, without spaces.
    private static func list(_ text: String) -> [String] {
        text.filter { $0 != " " }.split(separator: ",").map(String.init)
    }
}
