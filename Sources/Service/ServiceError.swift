/// Why a command cannot go on, for a person: `apus: …` on standard error.
public struct ServiceError: Error, Sendable, Equatable, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}
