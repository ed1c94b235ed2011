import JSON
import Testing

@testable import Chat

/// One template of the corpus with the renderings that Hugging Face's environment gives.
struct GoldenTemplate: Sendable, CustomTestStringConvertible {
    let name: String
    var testDescription: String { name }
}

@Suite("Chat templates of published models")
struct GoldenTests {
    /// Noon of 15 January 2026 UTC, the day on which the renderings were made, in most time zones.
    static let now = 1_768_478_400

    static let templates: [GoldenTemplate] = directoryEntries(goldenDirectory)
        .filter { $0.hasSuffix(".jinja") }
        .map { GoldenTemplate(name: String($0.dropLast(".jinja".count))) }

    @Test("the corpus is complete") func complete() {
        #expect(Self.templates.count == 47)
    }

    @Test("each template renders each case as Hugging Face does, byte for byte", arguments: templates)
    func renders(_ golden: GoldenTemplate) throws {
        let source = readText(goldenDirectory + golden.name + ".jinja")
        let template = try ChatTemplate(source: source, bosToken: "<s>", eosToken: "</s>")
        let cases = try JSONValue.parse(readText(goldenDirectory + "cases.json")).object ?? JSONObject()
        let expected =
            try JSONValue.parse(readText(goldenDirectory + golden.name + ".json")).object ?? JSONObject()
        #expect(expected.count == 12)
        for (name, outcome) in expected {
            guard let input = cases[name]?.object else {
                Issue.record("no case \(name)")
                continue
            }
            check(template, input, outcome, "\(golden.name): \(name)")
        }
    }

    private func check(_ template: ChatTemplate, _ input: JSONObject, _ outcome: JSONValue, _ name: String) {
        var extra = input
        for key in ["messages", "tools", "add_generation_prompt"] { extra[key] = nil }
        do throws(TemplateError) {
            let segments = try template.renderAsGiven(
                messages: input["messages"]?.array ?? [], tools: input["tools"],
                addGenerationPrompt: input["add_generation_prompt"]?.bool ?? true, extra: extra, now: Self.now
            )
            let text = String(decoding: segments.flatMap(\.text), as: UTF8.self)
            if let expected = outcome["text"]?.string {
                let isEqual = text.utf8.elementsEqual(expected.utf8)
                #expect(isEqual, "\(name)\n\(text)\n--- expected\n\(expected)")
            } else {
                #expect(outcome["skip"] != nil, "\(name): expected the error \(outcome)")
            }
        } catch {
            if let message = outcome["error"]?.string {
                #expect(error.kind == .raised && error.message == message, "\(name): \(error)")
            } else {
                #expect(outcome["skip"] != nil, "\(name): \(error)")
            }
        }
    }
}
