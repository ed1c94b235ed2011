// swift-tools-version: 6.2
import PackageDescription

/// Every module of ours builds without a warning.
let strict: [SwiftSetting] = [.treatAllWarnings(as: .error)]

/// Compute and Models validate their inputs before a step; inside one, no check is paid for.
let hot: [SwiftSetting] = strict + [.unsafeFlags(["-Ounchecked", "-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// The tokenizers look at every byte of a text; their working memory is private to one call, so no overlap can occur.
/// What the HTTP server changes is confined to its loop; debug builds, and the tests of one, check it.
let textual: [SwiftSetting] = strict + [.unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release))]

/// Products and sums are fused where one expression has both, and nowhere else: the same code gives the same bits
/// wherever it is inlined.
let kernels: [CSetting] = [.unsafeFlags(["-O3", "-fno-math-errno", "-ffp-contract=on", "-Wall", "-Wextra", "-Werror"])]

let package = Package(
    name: "apus",
    products: [.executable(name: "apus", targets: ["apus"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.4.0", traits: ["YAML"]),
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
    ],
    targets: [
        .executableTarget(
            name: "apus",
            dependencies: ["Service", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            swiftSettings: strict),
        .target(
            name: "Service",
            dependencies: [
                "API", "HTTP", "Chat", "Engine", "Models", "Tokenization", "ModelFiles", "Compute", "JSON",
                "Telemetry", "COpenSSL",
                .product(name: "Configuration", package: "swift-configuration"),
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Yams", package: "Yams"),
            ],
            swiftSettings: strict),
        .target(name: "API", dependencies: ["HTTP", "Chat", "Engine", "Tokenization", "ModelFiles", "JSON"], swiftSettings: strict),
        .target(name: "HTTP", dependencies: ["Telemetry", "CLinux", "COpenSSL", "CZlib"], swiftSettings: textual),
        .target(name: "Chat", dependencies: ["JSON"], swiftSettings: strict),
        .target(name: "Engine", dependencies: ["Models", "ModelFiles", "Telemetry"], swiftSettings: strict),
        .target(name: "Models", dependencies: ["ModelFiles", "Compute", "CKernels", "JSON"], swiftSettings: hot),
        .target(name: "Tokenization", dependencies: ["ModelFiles", "JSON"], swiftSettings: textual),
        .target(name: "ModelFiles", dependencies: ["Compute", "JSON"], swiftSettings: strict),
        .target(name: "Compute", dependencies: ["CKernels", "CLinux"], swiftSettings: hot),
        .target(name: "CKernels", cSettings: kernels),
        .target(name: "JSON", swiftSettings: strict),
        .target(name: "Telemetry", swiftSettings: strict),
        .target(name: "CLinux"),
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        .target(name: "TestSupport", dependencies: ["ModelFiles", "Compute"], path: "Tests/TestSupport", swiftSettings: strict),
        .target(name: "WireChecks", path: "Tests/WireChecks", swiftSettings: strict),

        .target(name: "TLSSupport", dependencies: ["COpenSSL"], path: "Tests/TLSSupport", swiftSettings: strict),
        .testTarget(name: "ArchitectureTests", swiftSettings: strict),
        .testTarget(name: "TelemetryTests", dependencies: ["Telemetry"], swiftSettings: strict),
        .testTarget(name: "JSONTests", dependencies: ["JSON"], exclude: ["golden"], swiftSettings: strict),
        .testTarget(name: "ModelFilesTests", dependencies: ["ModelFiles", "Compute", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "TokenizationTests", dependencies: ["Tokenization", "ModelFiles", "JSON", "TestSupport"], exclude: ["golden"], swiftSettings: strict),
        .testTarget(name: "ChatTests", dependencies: ["Chat", "JSON"], exclude: ["golden", "tools"], swiftSettings: strict),
        .testTarget(name: "HTTPTests", dependencies: ["HTTP", "Telemetry", "TLSSupport", "WireChecks"], swiftSettings: strict),
        .testTarget(name: "ConformanceTests", dependencies: ["HTTP", "Telemetry", "TLSSupport", "WireChecks"], swiftSettings: strict),
        .testTarget(name: "ComputeTests", dependencies: ["Compute", "CKernels", "TestSupport"], exclude: ["golden"], swiftSettings: strict),
        .testTarget(name: "ModelsTests", dependencies: ["Models", "Compute", "ModelFiles", "JSON", "TestSupport"], exclude: ["golden"], swiftSettings: strict),
        .testTarget(name: "EngineTests", dependencies: ["Engine", "Models", "ModelFiles", "Telemetry", "TestSupport"], swiftSettings: strict),
        .testTarget(name: "APITests", dependencies: ["API", "HTTP", "Chat", "Engine", "Models", "Tokenization", "ModelFiles", "JSON", "TestSupport"], exclude: ["golden"], swiftSettings: strict),
        .testTarget(name: "ServiceTests", dependencies: ["Service", "API", "HTTP", "Compute", "JSON", "Telemetry", "TestSupport"], swiftSettings: strict),
    ]
)
