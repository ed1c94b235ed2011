import Compute
import ModelFiles
import TestSupport
import Testing

@Suite("Safetensors files")
struct SafetensorsTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A file: the header's length, the header, so many bytes of data that count up.
    private static func bytes(_ header: String, data: Int, length: UInt64? = nil) -> [UInt8] {
        let count = length ?? UInt64(header.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) } + Array(header.utf8)
            + (0..<data).map { UInt8(truncatingIfNeeded: $0) }
    }

    private func open(_ bytes: [UInt8]) throws -> SafetensorsFile {
        try SafetensorsFile(path: directory.write(bytes, as: "model.safetensors"))
    }

    private static let valid = """
        {"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},\
        "ids":{"dtype":"I64","shape":[1],"data_offsets":[32,40]},"b":{"dtype":"BF16","shape":[4],"data_offsets":[24,32]}}
        """

    @Test("are read with their tensors in any order; those of integers are only named")
    func reading() throws {
        let file = try open(Self.bytes(Self.valid, data: 40))
        #expect(file.tensors.map(\.name) == ["a", "b"])
        #expect(file.others == ["ids"])
        let a = try #require(file.tensor("a"))
        #expect(a.shape == [3, 2])
        #expect(a.type == .f32)
        #expect(file.bytes(of: a).elementsEqual(0..<24))
        let b = try #require(file.tensor("b"))
        #expect(b.type == .bf16)
        #expect(file.bytes(of: b).elementsEqual(24..<32))
        #expect(file.tensor("c") == nil)
    }

    /// A header that is wrong in one way, the bytes of data behind it, and a word of the error.
    static let hostile: [(what: String, header: String, data: Int, reason: String)] = [
        ("no JSON", "{", 0, "not valid JSON"),
        ("no object", "[]", 0, "a JSON array"),
        ("bytes of nobody", "{}", 1, "cover 0 of the 1 bytes"),
        ("a type of the future", #"{"a":{"dtype":"F4","shape":[1],"data_offsets":[0,1]}}"#, 1, "not known"),
        ("no type", #"{"a":{"shape":[1],"data_offsets":[0,4]}}"#, 4, "missing"),
        ("no shape", #"{"a":{"dtype":"F32","data_offsets":[0,4]}}"#, 4, "shape"),
        ("a negative size", #"{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}"#, 4, "shape"),
        (
            "an endless shape",
            #"{"a":{"dtype":"F32","shape":[4611686018427387904,8],"data_offsets":[0,4]}}"#, 4,
            "larger than any"
        ),
        (
            "too many dimensions", #"{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}"#,
            4, "shape"
        ),
        (
            "offsets past the end", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, 4,
            "data_offsets"
        ),
        ("falling offsets", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}}"#, 4, "data_offsets"),
        ("negative offsets", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}"#, 4, "data_offsets"),
        ("one offset", #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[4]}}"#, 4, "data_offsets"),
        ("another size", #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}"#, 4, "takes 8 bytes"),
        (
            "a gap",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}"#,
            12, "gap or an overlap at byte 4"
        ),
        (
            "an overlap",
            #"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            8, "gap or an overlap"
        ),
        (
            "a name twice",
            #"{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}"#,
            8, "occurs twice"
        ),
        (
            "a name without end",
            #"{"\#(String(repeating: "x", count: 257))":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#,
            4,
            "257 bytes"
        ),
    ]

    @Test("that are wrong are refused with the reason", arguments: hostile.indices)
    func refusals(index: Int) throws {
        let (what, header, data, reason) = Self.hostile[index]
        let error = #expect(throws: ModelFileError.self, "\(what)") {
            try open(Self.bytes(header, data: data))
        }
        #expect(error?.reason.contains(reason) == true, "\(what): \(error?.reason ?? "")")
    }

    @Test("are refused when they are cut anywhere, or their header's length is wrong")
    func cuts() throws {
        let bytes = Self.bytes(Self.valid, data: 40)
        for count in 1..<bytes.count {
            #expect(throws: ModelFileError.self) { try open(Array(bytes[..<count])) }
        }
        for length in [0, 1, UInt64(Self.valid.utf8.count + 41), 1 << 40, .max] {
            #expect(throws: ModelFileError.self) {
                try open(Self.bytes(Self.valid, data: 40, length: length))
            }
        }
    }
}
