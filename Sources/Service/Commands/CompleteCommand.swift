import API
import Glibc

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
