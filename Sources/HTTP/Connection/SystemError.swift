import Glibc

/// A system call that failed.
struct SystemError: Error, Equatable, CustomStringConvertible {
    let call: String
    /// errno.
    let code: Int32

    var description: String { "\(call): \(String(cString: strerror(code)))" }

    /// - Parameter result: Of one of CLinux's functions: negative for -errno.
    static func check(_ result: Int32, _ call: String) throws(SystemError) -> Int32 {
        guard result >= 0 else { throw SystemError(call: call, code: -result) }
        return result
    }
}
