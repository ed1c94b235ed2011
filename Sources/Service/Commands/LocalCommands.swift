import API
import Glibc
import HTTP
import JSON
import Synchronization

/// `apus complete`: continues a text on standard output.
public enum CompleteCommand {
    /// - Parameter prompt: Nil reads it from standard input.
    public static func run(_ sources: SettingSources, prompt: String?, options: GenerationOptions)
        async throws
    {
        let text = try prompt ?? StandardInput.readAll()
        let loaded = try await LocalModel.load(sources)
        defer { loaded.engine.stop(drain: false) }
        let generator = LocalGenerator(loaded.served)
        do throws(APIError) {
            _ = try await generator.complete(text, options.local) {
                LogOutput.writeAll($0, to: STDOUT_FILENO)
            }
        } catch {
            throw ServiceError(error.message)
        }
        LogOutput.writeAll([UInt8(ascii: "\n")], to: STDOUT_FILENO)
    }
}

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

/// What Ctrl-C means at the moment; nothing when no answer runs.
private final class Interrupt: Sendable {
    private final class Action: Sendable {
        let action = Mutex<(@Sendable () -> Void)?>(nil)
    }

    private let current = Action()
    private let watcher: SignalWatcher

    init() {
        let current = current
        watcher = SignalWatcher([SIGINT]) { _, _ in current.action.withLock { $0 }?() }
    }

    func set(_ action: (@Sendable () -> Void)?) { current.action.withLock { $0 = action } }
}

/// Loading for commands that generate without a server.
enum LocalModel {
    static func load(_ sources: SettingSources) async throws -> LoadedModel {
        var configuration = try await sources.configuration()
        // One answer at a time; the log is for trouble.
        configuration.logLevel = max(configuration.logLevel, .warning)
        let path = try ModelLocation.resolve(configuration.model, environment: sources.environment)
        let log = ServiceLog.make(configuration)
        let progress = LoadProgress()
        defer { progress.end() }
        return try await ModelLoader(path: path, configuration: configuration, log: log).load {
            progress.report($0)
        }
    }
}

/// Standard input as a whole.
enum StandardInput {
    static let bytesMax = 64 << 20

    static func readAll() throws(ServiceError) -> String {
        do throws(FileReadError) {
            return try SmallFile.read("/dev/stdin", bytesMax: bytesMax)
        } catch {
            throw ServiceError("cannot read standard input: \(error)")
        }
    }
}
