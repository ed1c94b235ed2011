import HTTP
import ModelFiles

/// A client that waits for a whole answer: listed meanwhile, and when it goes away or is cancelled the work is given up.
struct WaitingClient: Sendable {
    let caller: Caller
    /// What the answer is, such as `embedding`.
    let kind: String
    private let register: RequestRegister
    private let writer: ResponseWriter

    init(_ request: HTTPRequest, _ writer: ResponseWriter, _ register: RequestRegister, kind: String) {
        caller = Caller(request)
        (self.kind, self.writer, self.register) = (kind, writer, register)
    }

    /// - Parameter cancel: Gives the work up; returns at once.
    /// - Returns: To be called when the work is done.
    func wait(
        id: String, model: String, tokens: Int, cancel: @escaping @Sendable () -> Void
    ) -> () -> Void {
        writer.onClose(cancel)
        let request = RegisteredRequest(
            id: id, caller: caller, kind: kind, model: model, promptTokens: tokens, cancel: cancel)
        let place = register.enter(request)
        return { register.leave(place) }
    }
}
