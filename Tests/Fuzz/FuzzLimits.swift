@testable import HTTP

extension HTTPLimits {
    /// Limits that a short input can reach.
    static let tight: HTTPLimits = {
        var limits = HTTPLimits()
        limits.requestLineBytesMax = 48
        limits.methodBytesMax = 8
        limits.fieldLineBytesMax = 64
        limits.headerBytesMax = 128
        limits.fieldCountMax = 4
        limits.bodyBytesMax = 64
        limits.chunkLineBytesMax = 16
        limits.chunkExtensionBytesMax = 24
        limits.chunkCountFree = 4
        limits.trailerBytesMax = 32
        limits.trailerCountMax = 2
        limits.pipelinedBytesMax = 64
        return limits
    }()
}
