@testable import HTTP

/// A machine with a caller that answers at once, and a log of what it did.
struct Driven {
    var machine: ConnectionMachine
    var output: [UInt8] = []
    var log: [String] = []
    /// Answers every request with its body; otherwise requests stay unanswered.
    var answers = true
    var bodyBytesMax = 100
    /// Paths whose answer is known from the head.
    var refusedPaths: Set<String> = []

    init(limits: HTTPLimits = HTTPLimits()) {
        machine = ConnectionMachine(limits: limits)
    }

    mutating func send(_ text: String) { send(Array(text.utf8)) }

    mutating func send(_ bytes: [UInt8]) {
        machine.receive(bytes.span)
        run()
    }

    mutating func run() {
        while let action = machine.next() { perform(action) }
    }

    mutating func perform(_ action: ConnectionMachine.Action) {
        switch action {
        case .head(let head):
            log.append("head \(head.path)")
            do throws(WireError) {
                if refusedPaths.contains(head.path) {
                    if try machine.refuseBody() { answer(.notFound, []) }
                } else {
                    try machine.accept(bodyBytesMax: bodyBytesMax)
                }
            } catch {
                perform(.refuse(error))
            }
        case .sendContinue: log.append("continue")
        case .request(let body):
            log.append("request [\(String(decoding: body, as: UTF8.self))]")
            if answers { answer(.ok, body) }
        case .refuse(let error):
            log.append("refuse \(error.fault.status.code)")
            answer(error.fault.status, [])
        case .close: log.append("close")
        }
    }

    mutating func answer(_ status: HTTPStatus, _ body: [UInt8]) {
        begin(.whole, status: status, bodyBytes: body.count)
        machine.write(body, into: &output)
        machine.end(into: &output)
    }

    mutating func begin(_ body: ResponseStart.Body, status: HTTPStatus = .ok, bodyBytes: Int? = nil) {
        machine.begin(
            ResponseStart(status: status, headers: [:], body: body), bodyBytes: bodyBytes, date: [],
            requestID: "r",
            into: &output)
    }

    var text: String { String(decoding: output, as: UTF8.self) }
}
