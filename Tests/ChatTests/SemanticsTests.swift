import JSON
import Testing

@testable import Chat

/// One small template with what Jinja2, configured as Hugging Face does, makes of it.
struct SemanticsCase: Sendable, CustomTestStringConvertible {
    let template: String
    /// nil where Jinja2 refuses the template or its values.
    let text: String?
    var testDescription: String { template }
}

/// `tools/make-semantics.py` writes the cases.
@Suite("Jinja's meaning of templates")
struct SemanticsTests {
    static let document = (try? JSONValue.parse(readText(goldenDirectory + "semantics.json"))) ?? .null

    static let cases: [SemanticsCase] = (document["cases"]?.array ?? []).map { item in
        SemanticsCase(template: item["template"]?.string ?? "", text: item["text"]?.string)
    }

    static var variables: [(name: String, value: Value)] {
        (document["variables"]?.object ?? JSONObject()).map { ($0.key, Value(request: $0.value)) }
    }

    @Test("the cases are there") func complete() {
        #expect(Self.cases.count > 200)
    }

    @Test("a template renders as in Jinja2, or fails where it fails", arguments: cases)
    func renders(_ item: SemanticsCase) {
        do throws(TemplateError) {
            let result = try Program(source: item.template).run(Self.variables, now: 0)
            #expect(
                item.text.map { $0.utf8.elementsEqual(result.bytes) } ?? false,
                "\(item.template)\n\(result.text)\n--- expected\n\(item.text ?? "an error")")
        } catch {
            #expect(item.text == nil, "\(item.template)\n\(error)\n--- expected\n\(item.text ?? "an error")")
        }
    }
}
