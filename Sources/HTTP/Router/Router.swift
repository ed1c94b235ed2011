/// From method and path to a handler.
///
/// A pattern is a path whose segments are literal or `{name}`; a name matches one segment that is not empty
/// and no dot segment, and is percent-decoded. Literal paths win over patterns, earlier patterns over later
/// ones. A GET route also answers HEAD. OPTIONS is answered with the `Allow` of the path unless a route of
/// its own stands.
public struct Router: Sendable {
    public enum Handler: Sendable {
        /// Runs on the I/O loop, without a hop: for answers that take microseconds and wait for nothing.
        case immediate(@Sendable (HTTPRequest) -> HTTPResponse)
        /// Runs as a task of the default pool, when the entrance lets the request in.
        case task(@Sendable (HTTPRequest, ResponseWriter) async -> Void, Entrance?)
    }

    /// Asked on the I/O loop about each complete request before its task is made: an answer refuses it at once, and nil
    /// means that the handler runs.
    public typealias Entrance = @Sendable () -> HTTPResponse?

    final class Route: Sendable {
        let method: HTTPMethod
        let bodyBytesMax: Int?
        /// A body that is not JSON is refused from its head alone.
        let takesJSON: Bool
        let handler: Handler
        let counts: RouteCounts

        init(
            _ method: HTTPMethod, _ pattern: String, bodyBytesMax: Int?, takesJSON: Bool, _ handler: Handler
        ) {
            self.method = method
            self.bodyBytesMax = bodyBytesMax
            self.takesJSON = takesJSON
            self.handler = handler
            counts = RouteCounts(pattern: pattern, method: method.rawValue)
        }
    }

    private struct Path: Sendable {
        var pattern: RoutePattern
        var routes: [Route] = []
    }

    private var paths: [Path] = []
    /// From a literal path to its place in `paths`.
    private var literals: [String: Int] = [:]

    public init() {}

    /// - Parameters:
    ///   - pattern: Starts with `/`; `{name}` stands for one segment.
    ///   - bodyBytesMax: The route's own limit instead of `HTTPLimits.bodyBytesMax`.
    ///   - takesJSON: Requests without `Content-Type: application/json` are answered 415, before their body is read.
    ///   - entrance: See `Entrance`.
    public mutating func on(
        _ method: HTTPMethod, _ pattern: String, bodyBytesMax: Int? = nil, takesJSON: Bool = false,
        entrance: Entrance? = nil, _ handler: @escaping @Sendable (HTTPRequest, ResponseWriter) async -> Void
    ) {
        add(pattern, method, bodyBytesMax, takesJSON: takesJSON, .task(handler, entrance))
    }

    /// A route that is answered on the I/O loop itself: health checks, metrics, small constants.
    public mutating func immediate(
        _ method: HTTPMethod, _ pattern: String, _ handler: @escaping @Sendable (HTTPRequest) -> HTTPResponse
    ) {
        add(pattern, method, nil, .immediate(handler))
    }

    private mutating func add(
        _ text: String, _ method: HTTPMethod, _ bodyBytesMax: Int?, takesJSON: Bool = false,
        _ handler: Handler
    ) {
        let route = Route(method, text, bodyBytesMax: bodyBytesMax, takesJSON: takesJSON, handler)
        let pattern = RoutePattern(text)
        let index = paths.firstIndex { $0.pattern == pattern } ?? paths.count
        if index == paths.count { paths.append(Path(pattern: pattern)) }
        precondition(
            !paths[index].routes.contains { $0.method == route.method }, "the route stands already: \(text)")
        paths[index].routes.append(route)
        if pattern.isLiteral { literals[text] = index }
    }

    /// Of all routes, in their order.
    var counts: [RouteCounts] { paths.flatMap(\.routes).map(\.counts) }

    // MARK: - Finding

    enum Match {
        case route(Route, parameters: [String: String])
        /// No handler: this is the answer.
        case answer(HTTPResponse)
    }

    /// What is known of the answer from the head alone.
    func match(_ head: RequestHead) -> Match {
        let match = self.match(head.method, head.path)
        guard case .route(let route, _) = match, route.takesJSON, !ContentType.isJSON(head.fields) else {
            return match
        }
        let error = ErrorBody(
            message: "The Content-Type must be application/json, in UTF-8.", code: "unsupported_media_type")
        return .answer(.error(error, status: .unsupportedMediaType))
    }

    /// - Parameter path: As sent, or `*`.
    func match(_ method: HTTPMethod, _ path: String) -> Match {
        if let index = literals[path] { return match(method, paths[index], [:]) }
        if path == "*" { return .answer(options(Set(paths.flatMap(\.routes).map(\.method)))) }
        do throws(WireError) {
            let segments = try PathSegments.decode(path)
            // A literal path may still be meant, with needless escapes in it.
            let candidates = paths.filter(\.pattern.isLiteral) + paths.filter { !$0.pattern.isLiteral }
            for candidate in candidates {
                if let parameters = candidate.pattern.match(segments) {
                    return match(method, candidate, parameters)
                }
            }
        } catch {
            return .answer(error.response)
        }
        let error = ErrorBody(message: "There is nothing at this path.", code: "unknown_url")
        return .answer(.error(error, status: .notFound))
    }

    private func match(_ method: HTTPMethod, _ path: Path, _ parameters: [String: String]) -> Match {
        let own = path.routes.first { $0.method == method }
        let standIn = method == .head ? path.routes.first { $0.method == .get } : nil
        if let route = own ?? standIn { return .route(route, parameters: parameters) }
        let methods = Set(path.routes.map(\.method))
        if method == .options { return .answer(options(methods)) }
        let error = ErrorBody(
            message: "\(method.rawValue) is not allowed here; this path takes \(allow(methods)).",
            code: "method_not_allowed")
        return .answer(.error(error, status: .methodNotAllowed, headers: ["Allow": allow(methods)]))
    }

    private func options(_ methods: Set<HTTPMethod>) -> HTTPResponse {
        HTTPResponse(status: .noContent, headers: ["Allow": allow(methods)])
    }

    private func allow(_ methods: Set<HTTPMethod>) -> String {
        var all = methods.union([.options])
        if all.contains(.get) { all.insert(.head) }
        return all.map(\.rawValue).sorted().joined(separator: ", ")
    }
}
