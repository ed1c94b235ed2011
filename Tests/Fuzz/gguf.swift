import Glibc

@testable import ModelFiles

// The GGUF reader: what opens can be read to its last byte.

/// A file in memory without a name, whose contents every input replaces.
private let file: Int32 = {
    var name = Array("/dev/shm/apus-fuzz-XXXXXX".utf8CString)
    let file = mkstemp(&name)
    unlink(name)
    return file
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGGUF(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    guard let data, ftruncate(file, 0) == 0, pwrite(file, data, count, 0) == count else { return 0 }
    do throws(ModelFileError) {
        let opened = try GGUFFile(path: "/proc/self/fd/\(file)")
        precondition(opened.fileBytes == count, "the file has another size")
        for entry in opened.metadata.entries { walk(entry.value) }
        var ends: [(start: Int, end: Int)] = []
        for tensor in opened.tensors {
            precondition(opened.tensor(tensor.name) != nil, "a tensor that its name does not find")
            let bytes = opened.bytes(of: tensor)
            precondition(bytes.count == tensor.byteCount, "a tensor of another size")
            var sum: UInt8 = 0
            for byte in bytes { sum &+= byte }
            blackHole = sum
            ends.append((tensor.fileOffset, tensor.fileOffset + tensor.byteCount))
        }
        ends.sort { $0.start < $1.start }
        for (first, second) in zip(ends, ends.dropFirst()) {
            precondition(first.end <= second.start, "two tensors share bytes")
        }
        precondition(ends.allSatisfy { $0.end <= count }, "a tensor beyond the file's end")
    } catch {
        precondition(!error.description.isEmpty, "an error without words")
    }
    return 0
}

/// So that no read is left out.
nonisolated(unsafe) private var blackHole: UInt8 = 0

private func walk(_ value: MetadataValue) {
    guard case .array(let array) = value else {
        if case .string(let string) = value { blackHole &+= UInt8(truncatingIfNeeded: string.utf8.count) }
        return
    }
    for index in 0..<array.count { walk(array[index]) }
}
