/// A part of an answer, as clients get it.
enum AnswerPart: Sendable, Equatable {
    /// UTF-8 of text for the reader.
    case content([UInt8])
    /// UTF-8 of what the model thought.
    case reasoning([UInt8])
    /// The answer's call of this index begins.
    case call(index: Int, id: String, name: String)
    /// UTF-8 of the next piece of a call's arguments.
    case arguments(index: Int, [UInt8])
}

extension AnswerPart {
    /// This part and the next one as one; nil when they are of different kinds.
    fileprivate func joined(with next: AnswerPart) -> AnswerPart? {
        switch (self, next) {
        case (.content(let text), .content(let more)): .content(text + more)
        case (.reasoning(let text), .reasoning(let more)): .reasoning(text + more)
        case (.arguments(let index, let text), .arguments(let nextIndex, let more)) where index == nextIndex:
            .arguments(index: index, text + more)
        case (.content, _), (.reasoning, _), (.call, _), (.arguments, _): nil
        }
    }
}

extension TextDelta {
    /// Adds what became certain next.
    mutating func append(_ next: TextDelta) {
        text += next.text
        tokens += next.tokens
        isStopped = isStopped || next.isStopped
        for part in next.parts {
            if let joined = parts.last?.joined(with: part) {
                parts[parts.count - 1] = joined
            } else {
                parts.append(part)
            }
        }
    }
}
