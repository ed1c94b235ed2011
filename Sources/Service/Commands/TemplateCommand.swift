import Chat
import Glibc
import JSON

/// `apus template`: renders cases with a chat template, so that anyone can compare with Hugging Face's environment.
///
/// A case has `messages`, and may have `tools`, `add_generation_prompt` and whatever else the template reads. Nothing of
/// it is adapted to the template.
public struct TemplateCommand: Sendable {
    /// The most that either file may have, in bytes: both are kept in memory.
    static let fileBytesMax = 16 << 20

    private let template: String
    private let cases: String
    private let bosToken: String
    private let eosToken: String
    /// Seconds since 1970.
    private let now: Int

    /// - Parameter now: What `strftime_now` takes for the time, in seconds since 1970; nil is the clock's.
    public init(template: String, cases: String, bosToken: String, eosToken: String, now: Int?) {
        (self.template, self.cases, self.bosToken, self.eosToken) = (template, cases, bosToken, eosToken)
        self.now = now ?? time(nil)
    }

    /// Writes one JSON object to standard output: of each case its text, or why it has none.
    public func run() throws {
        let source = try Self.read(template)
        let document = try Self.read(cases)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue.parse(document)
        } catch {
            throw ServiceError("\(cases) is not valid JSON: \(error)")
        }
        guard let members = value.object else {
            throw ServiceError("\(cases) must be an object that names its cases, not \(value.typeName)")
        }
        let read: ChatTemplate
        do throws(TemplateError) {
            read = try ChatTemplate(source: source, bosToken: bosToken, eosToken: eosToken)
        } catch {
            throw ServiceError("\(template): \(error)")
        }
        var lines: [[UInt8]] = []
        for (name, input) in members { lines.append(line(name, input, read)) }
        let output = [UInt8]("{\n".utf8) + Array(lines.joined(separator: Array(",\n".utf8))) + "\n}\n".utf8
        LogOutput.writeAll(output, to: STDOUT_FILENO)
    }

    private func line(_ name: String, _ input: JSONValue, _ template: ChatTemplate) -> [UInt8] {
        var writer = JSONWriter()
        writer.string(name)
        var line = writer.bytes + [UInt8](": ".utf8)
        writer = JSONWriter()
        writer.beginObject()
        do throws(TemplateError) {
            let text = try Self.render(input, template, now: now)
            writer.key("text")
            writer.string(utf8: text)
        } catch {
            writer.key("error")
            // What the template itself says is its own; other messages have their place.
            writer.string(error.kind == .raised ? error.message : error.description)
        }
        writer.endObject()
        line += writer.bytes
        return line
    }

    private static func render(
        _ input: JSONValue, _ template: ChatTemplate, now: Int
    ) throws(TemplateError) -> [UInt8] {
        var extra = input.object ?? JSONObject()
        let messages = extra["messages"]?.array ?? []
        let tools = extra["tools"]
        let addsPrompt = extra["add_generation_prompt"]?.bool ?? true
        for key in ["messages", "tools", "add_generation_prompt"] { extra[key] = nil }
        let segments = try template.renderAsGiven(
            messages: messages, tools: tools, addGenerationPrompt: addsPrompt, extra: extra, now: now)
        return segments.flatMap(\.text)
    }

    private static func read(_ path: String) throws(ServiceError) -> String {
        do throws(FileReadError) {
            return try SmallFile.read(path, bytesMax: fileBytesMax)
        } catch {
            throw ServiceError("cannot read \(path): \(error)")
        }
    }
}
