import JSON
import Testing

@testable import API

@Suite struct RequestRouteTests {
    private let completions = "/v1/completions"

    @Test(arguments: [false, true])
    func `what runs and what waits is listed, and ends when it is cancelled`(stream: Bool) async throws {
        try await TestService.run(sequencesMax: 1) { service, engine async throws in
            let client = service.client
            #expect(try await client.get("/v1/requests").json == ["object": "list", "data": []])
            async let first = client.post(
                completions, #"{"prompt":[70],"max_tokens":500,"ignore_eos":true,"stream":\#(stream)}"#,
                id: "mine")
            try await waitUntil { engine.stepsBegun == 1 }
            async let second = client.post(completions, #"{"prompt":[70,71],"max_tokens":9}"#, id: "other")
            try await waitUntil { engine.status.requestsWaiting >= 1 }
            engine.allow(steps: 3)
            try await waitUntil { engine.stepsBegun == 4 }
            let listed = try #require(try await client.get("/v1/requests").json["data"]?.array)
            #expect(listed.map { $0["request_id"] } == ["mine", "other"])
            #expect(listed.map { $0["status"] } == ["running", "queued"])
            #expect(listed.map { $0["kind"] } == ["text_completion", "text_completion"])
            #expect(listed.map { $0["prompt_tokens"] } == [1, 2])
            #expect(listed[0]["model"] == "tiny")
            #expect(try #require(listed[0]["completion_tokens"]?.int) >= 1)

            // One by the name that the client gave it, the other by the answer's.
            let id = try #require(listed[0]["id"]?.string)
            let queued = try await client.delete("/v1/requests/other")
            #expect(
                queued.status == 200 && queued.json["deleted"] == true && queued.json["id"] == listed[1]["id"]
            )
            let running = try await client.delete("/v1/requests/\(id)")
            #expect(running.json == ["id": .string(id), "object": "request", "deleted": true])
            engine.allow(steps: 2)
            let (one, other) = (try await first, try await second)
            #expect(other.status == 499 && other.json["error"]?["code"] == "request_cancelled")
            if stream {
                #expect(one.status == 200)
                let last = try JSONValue.parse(try #require(one.events.last))
                #expect(last["error"]?["code"] == "request_cancelled")
            } else {
                #expect(one.status == 499 && one.headers["retry-after"] == nil)
            }
            #expect(try await client.get("/v1/requests").json["data"] == [])
            #expect(engine.status.sequencesRunning == 0)
            let gone = try await client.delete("/v1/requests/\(id)")
            #expect(gone.status == 404 && gone.json["error"]?["code"] == "request_not_found")
        }
    }

    @Test func `a beam search is listed and cancelled like any other`() async throws {
        try await TestService.run { service, engine async throws in
            async let answer = service.client.post(
                completions, #"{"prompt":[70],"max_tokens":50,"use_beam_search":true,"n":2}"#, id: "beams")
            engine.allow(steps: 2)
            try await waitUntil { engine.stepsBegun == 3 }
            let listed = try await service.client.get("/v1/requests").json["data"]?[0]
            #expect(listed?["status"] == "running")
            #expect(try await service.client.delete("/v1/requests/beams").status == 200)
            engine.allow(steps: 5)
            #expect(try await answer.status == 499)
        }
    }

    @Test func `with keys nobody sees or ends the requests of another`() {
        let register = RequestRegister()
        for client in ["a", "b", nil] {
            var caller = Caller()
            (caller.client, caller.requestID) = (client, "same")
            _ = register.enter(
                RegisteredRequest(
                    id: client ?? "none", caller: caller, kind: "", model: "", created: 0, promptTokens: 1,
                    cancel: {}))
        }
        #expect(register.requests(of: "a").map(\.id) == ["a"])
        #expect(register.requests(of: nil).map(\.id) == ["none"])
        #expect(register.requests(of: "c").isEmpty)
    }
}
