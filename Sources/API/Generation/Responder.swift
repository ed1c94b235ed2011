import HTTP

/// Answers one request to generate.
///
/// It is an object that a function which waits for nothing makes: the frame of an async function has room for every value
/// of its body, and keeps it for as long as the answer waits for its turn, in a queue of thousands.
protocol Responder: AnyObject {
    /// - Parameter register: Where the request is listed meanwhile.
    func answer(on writer: ResponseWriter, _ register: RequestRegister) async throws(APIError)
}
