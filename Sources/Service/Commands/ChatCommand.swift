import API
import Glibc
import JSON

/// `apus chat`: a conversation on the terminal. Ctrl-C ends the answer that runs; Ctrl-D or `/exit` ends the chat.
public enum ChatCommand {
    public static func run(_ sources: SettingSources, system: String?, options: GenerationOptions)
        async throws
    {
        let loaded = try await LocalModel.load(sources)
        defer { loaded.engine.stop(drain: false) }
        let generator = LocalGenerator(loaded.served)
        let interrupt = Interrupt()
        var messages: [JSONValue] = []
        if let system { messages.append(["role": "system", "content": .string(system)]) }
        print(
            "\(loaded.served.id): Ctrl-C stops an answer, Ctrl-D or /exit ends the chat, /new begins another one"
        )
        while let line = try await prompt("> ") {
            if line == "/exit" { break }
            if line == "/new" { messages.removeAll { $0["role"] != "system" } }
            guard !line.isEmpty, line != "/new" else { continue }
            messages.append(["role": "user", "content": .string(line)])
            let conversation = messages
            let answer = Task {
                try await generator.chat(conversation, options.local) {
                    LogOutput.writeAll($0, to: STDOUT_FILENO)
                }
            }
            interrupt.set { answer.cancel() }
            do {
                let outcome = try await answer.value
                let text = String(decoding: outcome.text, as: UTF8.self)
                messages.append(["role": "assistant", "content": .string(text)])
            } catch {
                // The question that cannot be answered is not part of the conversation.
                messages.removeLast()
                LogOutput.writeAll(
                    Array("apus: \((error as? APIError)?.message ?? "\(error)")".utf8), to: STDERR_FILENO)
            }
            interrupt.set(nil)
            LogOutput.writeAll([UInt8(ascii: "\n")], to: STDOUT_FILENO)
        }
    }

    /// The next line; nil at the end of the input.
    private static func prompt(_ mark: String) async throws -> String? {
        LogOutput.writeAll(Array(mark.utf8), to: STDOUT_FILENO)
        return try await BlockingWork.run { readLine() }
    }
}
