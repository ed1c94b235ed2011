import Glibc
import HTTP

/// The end of a command that failed for a reason of its own, not of its arguments.
public enum CommandFailure {
    public static func isOurs(_ error: any Error) -> Bool {
        error is ServiceError || error is ListenError || error is TLSError
    }

    /// Writes `apus: …` and ends the process with status 1.
    public static func report(_ error: any Error) -> Never {
        LogOutput.standardError.flush()
        LogOutput.writeAll(Array("apus: \(error)\n".utf8), to: STDERR_FILENO)
        exit(1)
    }
}
