/// Why an engine could not start.
public enum EngineError: Error, Sendable, Equatable {
    /// The system gave no thread; `code` is its errno value.
    case threadUnavailable(code: Int32)
    /// The model or the configuration cannot be run with; the text says why.
    case unusable(String)
}
