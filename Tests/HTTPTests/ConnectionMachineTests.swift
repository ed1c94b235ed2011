import Testing

@testable import HTTP

private func get(_ path: String, _ version: String = "1.1", _ fields: String = "") -> String {
    "GET \(path) HTTP/\(version)\r\nHost: h\r\n\(fields)\r\n"
}

@Suite("Connection machine")
struct ConnectionMachineTests {
    @Test("It goes from idle to idle by way of a head, a body and a response")
    func phases() {
        var driven = Driven()
        driven.answers = false
        #expect(driven.machine.phase == .idle)
        driven.send("POST / HTTP/1.1\r\nHost: h\r\nContent-Le")
        #expect(driven.machine.phase == .head)
        driven.send("ngth: 5\r\n\r\nhe")
        #expect(driven.machine.phase == .body)
        driven.send("llo")
        #expect(driven.machine.phase == .serving)
        #expect(driven.log == ["head /", "request [hello]"])
        driven.answer(.ok, [])
        #expect(driven.machine.phase == .idle)
    }

    @Test("One request is served at a time; the next waits, and no more than the limit is held (check 66)")
    func pipelining() {
        var limits = HTTPLimits()
        limits.pipelinedBytesMax = 40
        var driven = Driven(limits: limits)
        driven.answers = false
        driven.send(get("/1") + get("/2"))
        #expect(driven.log == ["head /1", "request []"])
        #expect(driven.machine.inputCapacity == 40 - get("/2").utf8.count)
        driven.answer(.ok, [])
        driven.run()
        #expect(driven.log == ["head /1", "request []", "head /2", "request []"])
        #expect(driven.machine.inputCapacity == 40)
    }

    @Test(
        "Whether a connection goes on is agreed as the versions want it (checks 37, 73, 74)",
        arguments: [
            (get("/"), nil), (get("/", "1.1", "Connection: close\r\n"), "close"), (get("/", "1.0"), "close"),
            (get("/", "1.0", "Connection: keep-alive\r\n"), "keep-alive"),
            (get("/", "1.0", "Connection: Keep-Alive, Close\r\n"), "close"),
        ] as [(String, String?)])
    func persistence(request: String, said: String?) {
        var driven = Driven()
        driven.send(request)
        #expect(driven.text.contains("Connection") == (said != nil))
        if let said { #expect(driven.text.contains("Connection: \(said)\r\n")) }
        #expect(driven.machine.phase == (said == "close" ? .closing : .idle))
    }

    @Test("A stream is chunked for 1.1, and ends with the connection for 1.0 (check 73)")
    func streams() {
        for version in ["1.1", "1.0"] {
            var driven = Driven()
            driven.answers = false
            driven.send(get("/", version, "Connection: keep-alive\r\n"))
            driven.begin(.stream)
            driven.output = []
            driven.machine.write(Array("hello".utf8), into: &driven.output)
            driven.machine.write([], into: &driven.output)
            driven.machine.end(into: &driven.output)
            #expect(driven.text == (version == "1.1" ? "5\r\nhello\r\n0\r\n\r\n" : "hello"))
            #expect(driven.machine.phase == (version == "1.1" ? .idle : .closing))
        }
    }

    @Test("HEAD, 204 and 304 carry no body, whatever the handler gives (checks 71, 72)")
    func bodiless() {
        for (method, code) in [("HEAD", 200), ("GET", 204), ("GET", 304)] {
            var driven = Driven()
            driven.answers = false
            driven.send("\(method) / HTTP/1.1\r\nHost: h\r\n\r\n")
            driven.answer(HTTPStatus(code: code), Array("hello".utf8))
            #expect(driven.text.hasSuffix("x-request-id: r\r\n\r\n"))
            #expect(driven.text.contains("Content-Length: 5\r\n") == (method == "HEAD"))
        }
    }

    @Test("After a refusal nothing more is parsed, and what comes is dropped until it is too much (check 67)")
    func lingering() {
        var limits = HTTPLimits()
        limits.lingerBytesMax = 100
        var driven = Driven(limits: limits)
        driven.send("GET / HTTP/1.1\r\n\r\n" + get("/2"))
        #expect(driven.log == ["refuse 400"])
        #expect(driven.machine.phase == .closing)
        #expect(driven.machine.inputCapacity == 0)
        driven.machine.didSendAll()
        #expect(driven.machine.phase == .lingering)
        driven.send(String(repeating: "x", count: 100))
        #expect(driven.log == ["refuse 400"])
        driven.send("x")
        #expect(driven.log == ["refuse 400", "close"])
    }

    @Test(
        "An end of input closes at once between requests and inside one, and after the response while one is served"
    )
    func ends() {
        for (text, log) in [
            ("", [String]()), ("GET / HT", []),
            ("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe", ["head /"]),
        ] {
            var driven = Driven()
            driven.send(text)
            driven.machine.receiveEnd()
            driven.run()
            #expect(driven.log == log)
            #expect(driven.machine.phase == .closing)
            driven.machine.didSendAll()
            #expect(driven.machine.phase == .closed)
        }
        var driven = Driven()
        driven.answers = false
        driven.send(get("/") + get("/2"))
        driven.machine.receiveEnd()
        driven.run()
        #expect(driven.machine.phase == .serving)
        driven.answers = true
        driven.answer(.ok, [])
        driven.run()
        #expect(driven.log == ["head /", "request []", "head /2", "request []"])
        #expect(driven.machine.phase == .closing)
    }

    @Test("100 is sent once, when the head is accepted and the body holds back (checks 68–70)")
    func expectation() {
        let head = "POST / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n"
        var patient = Driven()
        patient.send(head)
        patient.send("he")
        patient.send("llo")
        #expect(patient.log == ["head /", "continue", "request [hello]"])
        var eager = Driven()
        eager.send(head + "h")
        eager.send("ello")
        #expect(eager.log == ["head /", "request [hello]"])
        var large = Driven()
        large.bodyBytesMax = 4
        large.send(head)
        #expect(large.log == ["head /", "refuse 413"])
        #expect(large.machine.phase == .closing)
        var unknown = Driven()
        unknown.refusedPaths = ["/"]
        unknown.send(head)
        #expect(unknown.log == ["head /"])
        #expect(unknown.text.hasPrefix("HTTP/1.1 404"))
        #expect(unknown.machine.phase == .closing)
    }

    @Test("A body that nobody wants is dropped, and the connection goes on (check 48)")
    func dropped() {
        var driven = Driven()
        driven.refusedPaths = ["/nowhere"]
        driven.send("POST /nowhere HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello")
        driven.send("GET /x HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" + get("/y"))
        #expect(
            driven.log == ["head /nowhere", "request []", "head /x", "request []", "head /y", "request []"])
        #expect(driven.machine.phase == .idle)
    }

    @Test("The last request that a connection may have says so")
    func requestLimit() {
        var limits = HTTPLimits()
        limits.requestsPerConnectionMax = 2
        var driven = Driven(limits: limits)
        driven.send(get("/1"))
        #expect(driven.machine.phase == .idle)
        driven.output = []
        driven.send(get("/2"))
        #expect(driven.text.contains("Connection: close\r\n"))
        #expect(driven.machine.phase == .closing)
    }

    @Test("Time runs out differently in each phase")
    func timeouts() {
        var idle = Driven()
        #expect(idle.machine.timeOut() == .close(nil))
        var head = Driven()
        head.send("GET / ")
        guard case .refuse(let error)? = head.machine.timeOut() else {
            Issue.record("no refusal")
            return
        }
        #expect(error.fault == .headerTimeout)
        var serving = Driven()
        serving.answers = false
        serving.send(get("/"))
        #expect(serving.machine.timeOut() == nil)
    }

    @Test("A stop closes an idle connection, and the present response says that it is the last")
    func drain() {
        var idle = Driven()
        idle.send(get("/"))
        #expect(idle.machine.drain(isAllSent: true) == .close(nil))
        var fresh = Driven()
        #expect(fresh.machine.drain(isAllSent: true) == nil)
        #expect(fresh.machine.phase == .idle)
        fresh.send(get("/"))
        #expect(fresh.text.contains("Connection: close\r\n"))
        #expect(fresh.machine.phase == .closing)
        var sending = Driven()
        sending.send(get("/"))
        #expect(sending.machine.drain(isAllSent: false) == nil)
        #expect(sending.machine.phase == .closing)
        var serving = Driven()
        serving.answers = false
        serving.send(get("/") + get("/2"))
        #expect(serving.machine.drain(isAllSent: true) == nil)
        serving.answer(.ok, [])
        serving.run()
        #expect(serving.text.contains("Connection: close\r\n"))
        #expect(serving.log == ["head /", "request []"])
        #expect(serving.machine.phase == .closing)
    }
}
