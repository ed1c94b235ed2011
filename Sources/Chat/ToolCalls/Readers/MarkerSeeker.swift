/// Waits for one of several texts, over whitespace before it.
///
/// None of the texts may be the beginning of another.
struct MarkerSeeker: Sendable {
    enum Step: Equatable {
        case more
        /// The text of this number is complete.
        case found(Int)
        /// These bytes, the last one included, are none of the texts.
        case broken([UInt8])
    }

    private let markers: [[UInt8]]
    private var held: [UInt8] = []

    init(_ markers: [String]) { self.markers = markers.map { Array($0.utf8) } }

    mutating func take(_ byte: UInt8) -> Step {
        if held.isEmpty && byte.isASCIIWhitespace { return .more }
        held.append(byte)
        var isPrefix = false
        for (number, marker) in markers.enumerated() where marker.starts(with: held) {
            if marker.count == held.count {
                held = []
                return .found(number)
            }
            isPrefix = true
        }
        if isPrefix { return .more }
        defer { held = [] }
        return .broken(held)
    }
}

/// What a reader of calls made of a byte.
enum CallVerdict: Equatable {
    case more
    /// The byte was the last one of the calls.
    case ended
    /// Calls end here. `content` is text after all; `again` has to be read again, as text.
    case refused(content: [UInt8], again: [UInt8])
}
