import JSON

/// A chat whose oldest turns may be left out.
///
/// The system messages at its beginning stay, and so does what comes from the last user message on. A turn is a user
/// message and all that follows it up to the next one.
struct ChatTurns {
    private let messages: [JSONValue]
    private let systemCount: Int
    /// Where the chat may go on behind the system messages: as it is, or at a user message.
    private let starts: [Int]

    init(_ messages: [JSONValue]) {
        self.messages = messages
        let systemCount = messages.prefix { $0["role"] == "system" }.count
        self.systemCount = systemCount
        let users = messages.indices.filter { $0 > systemCount && messages[$0]["role"] == "user" }
        starts = [systemCount] + users
    }

    /// How often something can be left out.
    var droppableCount: Int { starts.count - 1 }

    func dropping(_ count: Int) -> [JSONValue] {
        Array(messages[..<systemCount] + messages[starts[count]...])
    }

    func droppedMessages(_ count: Int) -> Int { starts[count] - systemCount }

    /// The fewest drops with which something fits, or the most possible; each one is tried at most once.
    func fewestDrops(_ fits: ([JSONValue]) throws(APIError) -> Bool) throws(APIError) -> Int {
        if try fits(messages) { return 0 }
        var (low, high) = (1, droppableCount)
        while low < high {
            let middle = (low + high) / 2
            if try fits(dropping(middle)) { high = middle } else { low = middle + 1 }
        }
        return min(low, droppableCount)
    }
}
