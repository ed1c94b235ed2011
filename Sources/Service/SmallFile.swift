import Glibc

/// Why a file could not be read whole.
struct FileReadError: Error, CustomStringConvertible {
    let description: String
}

/// Reads small text files whole, those of /proc and /sys too, whose size is not known before.
enum SmallFile {
    static func read(_ path: String, bytesMax: Int) throws(FileReadError) -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileReadError(description: String(cString: strerror(errno))) }
        defer { close(descriptor) }
        var text: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else { throw FileReadError(description: String(cString: strerror(errno))) }
            if count == 0 { break }
            text += buffer[..<count]
            guard text.count <= bytesMax else {
                throw FileReadError(description: "it has more than \(bytesMax) bytes")
            }
        }
        guard let string = String(validating: text, as: UTF8.self) else {
            throw FileReadError(description: "it is not UTF-8")
        }
        return string
    }
}
