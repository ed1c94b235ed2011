/// A request's number: rises with each submission to an engine.
typealias RequestID = UInt64

/// The sequences of one request: they share the prompt, which is computed once.
///
/// Confined to the engine's thread.
final class SequenceGroup {
    let id: RequestID
    let request: GenerationRequest
    let size: RequestSize
    /// One per choice; none after the last has finished.
    private(set) var sequences: [Sequence] = []

    init(id: RequestID, request: GenerationRequest, size: RequestSize) {
        self.id = id
        self.request = request
        self.size = size
        sequences = (0..<size.choiceCount).map { Sequence(group: self, choice: $0) }
    }

    /// Lets go of the sequences, which refer to the group.
    func dissolve() {
        precondition(leader == nil, "dissolved a group with a live sequence")
        sequences = []
    }

    /// The choices that have not finished, by number.
    var live: [Sequence] { sequences.filter { $0.phase != .finished } }

    /// The first live sequence; it reads the prompt for all. Nil when the group has finished.
    var leader: Sequence? { sequences.first { $0.phase != .finished } }
}
