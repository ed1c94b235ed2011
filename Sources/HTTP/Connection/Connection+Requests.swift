/// From a request's head to its handler.
extension Connection {
    /// A head is complete: finds who answers the request, and whether its body is wanted.
    func route(_ head: RequestHead) {
        let offered = head.fields.bytes(of: "x-request-id")
        if context.requestIDs.isTooLong(offered) { context.counters.count(.requestIDBytes) }
        let id = context.requestIDs.id(offered: offered)
        let client = socket.peer.client(of: head.fields, trusted: context.trustedProxies)
        let current = CurrentRequest(startedAt: clock.firstByteAt, id: id, peer: client, head: head)
        let refusal = context.admit(head, current, isReserve: isReserve)
        self.current = current
        clock.headEnded(loop.now)
        if isReserve { _ = machine.drain(isAllSent: false) }
        do throws(WireError) {
            switch current.match {
            case .route(let route, _):
                try machine.accept(bodyBytesMax: route.bodyBytesMax ?? limits.bodyBytesMax)
            case .answer(let response):
                let isDue = try machine.refuseBody(atOnce: refusal != nil, closing: refusal?.closes ?? false)
                if isDue { answer(response) }
            case nil: break
            }
        } catch {
            refuse(error)
        }
    }

    /// The request is complete.
    func serve(_ body: [UInt8]) {
        context.counters.requests.count()
        context.counters.requestsActive.count()
        if machine.requests == limits.requestsPerConnectionMax {
            context.counters.count(.requestsPerConnection)
        }
        current?.isServed = true
        clock.servingBegan(loop.now)
        switch current?.match {
        case .answer(let response): answer(response)
        case .route(let route, let parameters):
            guard
                let request = current?.request(
                    body: body, parameters: parameters, clientSubject: socket.clientSubject)
            else { return }
            switch route.handler {
            case .immediate(let handler):
                let response = handler(request)
                answer(compression.apply(response, bytesMax: limits.compressedOnLoopBytesMax))
            case .task(let handler, let entrance):
                if let refusal = entrance?() { return answer(refusal) }
                startTask(request, handler)
            }
        case nil: preconditionFailure("a request without a head")
        }
    }

    /// Of the present response.
    private var compression: ResponseCompression {
        guard let head = current?.head else { return .none }
        return ResponseCompression(head, context.compression, limits)
    }

    private func startTask(
        _ request: HTTPRequest, _ handler: @escaping @Sendable (HTTPRequest, ResponseWriter) async -> Void
    ) {
        let exchange = Exchange(
            owner: self, highWaterBytes: limits.outboundHighWaterBytes,
            lowWaterBytes: limits.outboundLowWaterBytes, compression: compression)
        current?.exchange = exchange
        let writer = ResponseWriter(exchange)
        Task { await handler(request, writer) }
    }
}
