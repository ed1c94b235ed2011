/// How tokens are drafted that the model then only has to confirm, several in one step.
public enum Speculation: String, Sendable, CaseIterable {
    /// Each step gives each answer one token.
    case off
    /// From where the last tokens stood before in the prompt or the answer.
    case ngram
}
