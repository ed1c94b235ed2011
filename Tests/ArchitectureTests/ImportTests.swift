import FoundationEssentials
import Testing

/// The house's one structural rule: a module imports only what stands below it.
///
/// The table repeats Package.swift on purpose. A new edge is a decision: it is made here and there, and
/// ARCHITECTURE.md tells it.
@Suite("Imports")
struct ImportTests {
    /// Top to bottom, as in the design: each module may know only modules further down.
    static let modules: [(name: String, imports: Set<String>)] = [
        ("apus", ["Service"]),
        (
            "Service",
            [
                "API", "HTTP", "Chat", "Engine", "Models", "Tokenization", "ModelFiles", "Compute", "JSON",
                "Telemetry", "COpenSSL",
            ]
        ),
        ("API", ["HTTP", "Chat", "Engine", "Tokenization", "ModelFiles", "JSON"]),
        ("HTTP", ["Telemetry", "CLinux", "COpenSSL", "CZlib"]),
        ("Chat", ["JSON"]),
        ("Engine", ["Models", "ModelFiles", "Telemetry"]),
        ("Models", ["ModelFiles", "Compute", "CKernels", "JSON"]),
        ("Tokenization", ["ModelFiles", "JSON"]),
        ("ModelFiles", ["Compute", "JSON"]),
        ("Compute", ["CKernels", "CLinux"]),
        ("CKernels", []),
        ("JSON", []),
        ("Telemetry", []),
        ("CLinux", []), ("COpenSSL", []), ("CZlib", []),
    ]

    /// The full one loads 40 MB of ICU; `FoundationEssentials` is the part that may be used.
    static let refused: Set<String> = ["Foundation", "FoundationNetworking", "FoundationXML"]

    @Test("the table's edges point strictly downwards")
    func edgesPointDown() {
        for (position, module) in Self.modules.enumerated() {
            let below = Set(Self.modules[(position + 1)...].map(\.name))
            #expect(module.imports.isSubset(of: below), "\(module.name) knows a module that is not below it")
        }
    }

    @Test("the table says what Package.swift says")
    func tableMatchesManifest() throws {
        let manifest = try text(of: root + "/Package.swift")
        let known = Set(Self.modules.map(\.name))
        var declared: [String: Set<String>] = [:]
        var target: String?
        // Cut at its quotation marks the manifest is code, string, code, string …
        let pieces = manifest.split(separator: "\"", omittingEmptySubsequences: false).map(String.init)
        for index in stride(from: 0, to: pieces.count - 1, by: 2) {
            let (code, string) = (pieces[index], pieces[index + 1])
            if code.contains("estTarget(") {
                target = nil
            } else if code.contains("arget(") || code.contains("systemLibrary(") {
                target = string
                declared[string] = []
            } else if let name = target, string.hasPrefix("Tests/") {
                // A helper of the tests stands outside of the house.
                declared[name] = nil
                target = nil
            } else if let target, known.contains(string) {
                declared[target]?.insert(string)
            }
        }
        declared["TestSupport"] = nil  // a library of Tests/, outside the house
        let expected = Dictionary(uniqueKeysWithValues: Self.modules.map { ($0.name, $0.imports) })
        #expect(declared == expected)
    }

    @Test("every source file imports only the modules that its own may know", arguments: modules.map(\.name))
    func importsAreAllowed(module: String) throws {
        let known = Set(Self.modules.map(\.name))
        let allowed = try #require(Self.modules.first { $0.name == module }).imports
        let folder = root + "/Sources/" + module
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) where path.hasSuffix(".swift")
        {
            for name in importedModules(in: try text(of: folder + "/" + path)) {
                #expect(!known.contains(name) || allowed.contains(name), "\(module)/\(path) imports \(name)")
                #expect(!Self.refused.contains(name), "\(module)/\(path) imports \(name)")
            }
        }
    }

    @Test("every folder of Sources is in the table")
    func foldersAreKnown() throws {
        let folders = try FileManager.default.contentsOfDirectory(atPath: root + "/Sources")
        #expect(Set(folders.filter { !$0.hasPrefix(".") }) == Set(Self.modules.map(\.name)))
    }

    @Test(
        "an import line is found behind attributes, access and kind",
        arguments: [
            ("import JSON", ["JSON"]),
            ("@preconcurrency import Engine", ["Engine"]),
            ("  public import struct ModelFiles.TokenID // why", ["ModelFiles"]),
            ("@_spi(Tests) @testable internal import Chat;", ["Chat"]),
            ("// import JSON", []),
            ("let important = imports", []),
        ])
    func importLines(line: String, names: [String]) {
        #expect(importedModules(in: line) == names)
    }

    private var root: String {
        // Tests/ArchitectureTests/ImportTests.swift
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    }

    private func text(of path: String) throws -> String {
        let data = try #require(FileManager.default.contents(atPath: path), "cannot read \(path)")
        return String(decoding: data, as: UTF8.self)
    }
}

/// The first component of what each import line names, in order.
private func importedModules(in source: String) -> [String] {
    let kinds: Set = ["typealias", "struct", "class", "enum", "protocol", "let", "var", "func"]
    let access: Set = ["public", "package", "internal", "fileprivate", "private"]
    return source.split(whereSeparator: \.isNewline).compactMap { line in
        var words = line.split(separator: " ")[...]
        while let first = words.first, first.hasPrefix("@") || access.contains(String(first)) {
            words.removeFirst()
        }
        guard words.popFirst() == "import" else { return nil }
        if let first = words.first, kinds.contains(String(first)) { words.removeFirst() }
        return words.first?.prefix { $0.isLetter || $0.isNumber || $0 == "_" }.description
    }
}
