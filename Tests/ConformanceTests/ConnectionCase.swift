/// Bytes on one connection, and what comes back, in order.
struct ConnectionCase: Sendable, CustomStringConvertible {
    /// What follows the last response.
    enum End: Sendable {
        case open, close
    }

    /// The number of the check in docs/wire-checks.md.
    let check: Int
    let name: String
    let text: String
    /// For each response its status, then what must hold: `Name: value` is there, `!Name` is not, `=text` is the whole
    /// body, `~text` occurs nowhere. `HEAD` says that no body follows.
    let responses: [[String]]
    let end: End

    var description: String { "\(check): \(name)" }

    init(_ check: Int, _ name: String, _ text: String, _ responses: [String]..., then end: End = .open) {
        self.check = check
        self.name = name
        self.text = text
        self.responses = responses
        self.end = end
    }
}
