import Compute
import Glibc
import ModelFiles
import TestSupport
import Testing

@Suite("Hostile GGUF files")
struct HostileFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    /// A file that is wrong in one way, and the error that says so.
    struct Case: Sendable, CustomTestStringConvertible {
        let what: String
        let field: String
        let reason: String
        let bytes: @Sendable () throws -> [UInt8]

        var testDescription: String { what }

        /// A file whose writer is told wrong things.
        init(
            _ what: String, _ field: String, _ reason: String,
            writing change: @escaping @Sendable (inout GGUFWriter) -> Void
        ) {
            self.init(what, field, reason) {
                var writer = SampleFile.writer()
                change(&writer)
                return writer.bytes()
            }
        }

        /// A right file whose bytes are changed.
        init(
            _ what: String, _ field: String, _ reason: String,
            patching change: @escaping @Sendable (inout [UInt8]) throws -> Void
        ) {
            self.init(what, field, reason) {
                var bytes = SampleFile.writer().bytes()
                try change(&bytes)
                return bytes
            }
        }

        private init(
            _ what: String, _ field: String, _ reason: String, bytes: @escaping @Sendable () throws -> [UInt8]
        ) {
            self.what = what
            self.field = field
            self.reason = reason
            self.bytes = bytes
        }
    }

    @Test("a wrong header is refused", arguments: headerCases)
    func header(wrong: Case) throws { try expectRefusal(wrong) }

    @Test("wrong metadata are refused by key", arguments: metadataCases)
    func metadata(wrong: Case) throws { try expectRefusal(wrong) }

    @Test("a wrong tensor is refused by name", arguments: tensorCases)
    func tensor(wrong: Case) throws { try expectRefusal(wrong) }

    private func expectRefusal(_ wrong: Case) throws {
        let path = try directory.write(try wrong.bytes(), as: "wrong.gguf")
        try expectError(wrong.field, wrong.reason) { _ = try GGUFFile(path: path) }
    }
}

// MARK: - Files as such

extension HostileFileTests {
    @Test("what is no file is refused with the reason")
    func noFile() throws {
        try expectError("file", "No such file") { _ = try GGUFFile(path: directory.file("absent.gguf")) }
        try expectError("file", "not a regular file") { _ = try GGUFFile(path: directory.path) }
        try expectError("file", "empty") { _ = try GGUFFile(path: try directory.write([], as: "empty.gguf")) }
        let fifo = directory.file("fifo.gguf")
        try #require(mkfifo(fifo, 0o600) == 0)
        try expectError("file", "not a regular file") { _ = try GGUFFile(path: fifo) }
    }

    @Test("a file that is cut anywhere before the end of its last tensor is refused")
    func truncations() throws {
        var bytes = SampleFile.writer().bytes()
        while bytes.last == 0 { bytes.removeLast() }
        for length in 1..<bytes.count {
            let path = try directory.write(Array(bytes.prefix(length)), as: "cut.gguf")
            #expect(throws: ModelFileError.self, "cut at \(length)") { _ = try GGUFFile(path: path) }
        }
    }

    @Test("with any bit flipped and any byte replaced, a file is refused or can be read to its end")
    func mutations() throws {
        let bytes = SampleFile.writer().bytes()
        let path = try directory.write(bytes, as: "mutated.gguf")
        let descriptor = Glibc.open(path, O_WRONLY)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        var opened = 0
        for place in bytes.indices {
            let flips = (0..<8).map { bytes[place] ^ (1 << UInt8($0)) }
            for var mutation in flips + [0, 0x7F, 0xFF] {
                try #require(pwrite(descriptor, &mutation, 1, place) == 1)
                if let file = try? GGUFFile(path: path) {
                    SampleFile.walk(file)
                    opened += 1
                }
            }
            var original = bytes[place]
            try #require(pwrite(descriptor, &original, 1, place) == 1)
        }
        #expect(opened > 0)
    }
}

// MARK: - Header

extension HostileFileTests {
    static let headerCases: [Case] = [
        Case("another kind of file", "header", "does not begin with the letters GGUF") { $0[0] = 0x50 },
        Case("version 1", "header", "GGUF version 1; versions 2 and 3 are read", writing: { $0.version = 1 }),
        Case("version 4", "header", "GGUF version 4", writing: { $0.version = 4 }),
        Case("big-endian", "header", "big-endian", writing: { $0.version = UInt32(3).bigEndian }),
        Case("more tensors than the file holds", "header", "4096 tensors at byte 16 pass the end") {
            $0.put(UInt64(4_096), at: 8)
        },
        Case("2^63 tensors", "header", "9223372036854775808 tensors at byte 16 pass") {
            $0.put(UInt64(1) << 63, at: 8)
        },
        Case("2^64 - 1 metadata entries", "header", "18446744073709551615 metadata entries at byte 24 pass") {
            $0.put(UInt64.max, at: 16)
        },
        Case(
            "more metadata entries than are read", "header", "65537 metadata entries; at most 65536 are read"
        ) {
            $0.put(UInt64(65_537), at: 16)
            $0 += [UInt8](repeating: 0, count: 65_537 * 14)
        },
        Case("more tensors than are read", "header", "131073 tensors; at most 131072 are read") {
            $0.put(UInt64(131_073), at: 8)
            $0 += [UInt8](repeating: 0, count: 131_073 * 33)
        },
    ]
}

// MARK: - Metadata

extension HostileFileTests {
    static let metadataCases: [Case] =
        [
            Case("an unknown value type", "metadata u8", "unknown value type 13; types 0 to 12 are known") {
                $0.put(UInt32(13), at: try $0.end(of: "u8"))
            },
            Case("an unknown element type", "metadata counts", "unknown value type 4294967295") {
                $0.put(UInt32.max, at: try $0.end(of: "counts") + 4)
            },
            Case("a string past the end", "metadata text", "65536 bytes of a string") {
                $0.put(UInt64(65_536), at: try $0.end(of: "text") + 4)
            },
            Case("a string of 2^64 - 1 bytes", "metadata text", "18446744073709551615 bytes of a string") {
                $0.put(UInt64.max, at: try $0.end(of: "text") + 4)
            },
            Case("a string in an array past the end", "metadata words, string 0", "4611686018427387904 bytes")
            {
                $0.put(UInt64(1) << 62, at: try $0.end(of: "words") + 16)
            },
            Case("an array past the end", "metadata counts", "65536 uint16 elements") {
                $0.put(UInt64(65_536), at: try $0.end(of: "counts") + 8)
            },
            Case("an array whose size overflows", "metadata counts", "9223372036854775809 uint16 elements") {
                $0.put(UInt64(1) << 63 | 1, at: try $0.end(of: "counts") + 8)
            },
            Case("2^61 strings", "metadata words", "2305843009213693952 string elements") {
                $0.put(UInt64(1) << 61, at: try $0.end(of: "words") + 8)
            },
            Case("2^60 arrays", "metadata nested", "1152921504606846976 array elements") {
                $0.put(UInt64(1) << 60, at: try $0.end(of: "nested") + 8)
            },
            Case("a bool of 2", "metadata yes", "the bool is 2, not 0 or 1") {
                $0[try $0.end(of: "yes") + 4] = 2
            },
            Case("a bool of 255 in an array", "metadata flags", "one of its bools is 255") {
                $0[try $0.end(of: "flags") + 17] = 255
            },
            Case(
                "a string that is not UTF-8", "metadata odd", "the 2 bytes",
                writing: { $0.set("odd", .bytes([0xC3, 0x28])) }),
            Case("a key that is not UTF-8", "metadata entry 1", "are not valid UTF-8") {
                $0[try $0.end(of: "u8") - 2] = 0xFF
            },
            Case(
                "a key with a line feed", "metadata entry 18", "control character",
                writing: { $0.set("a\nb", .bool(true)) }),
            Case("an empty key", "metadata entry 18", "empty name", writing: { $0.set("", .bool(true)) }),
            Case(
                "a key of 65,536 bytes", "metadata entry 18", "65536 bytes long; at most 65535",
                writing: {
                    $0.set(String(repeating: "k", count: 65_536), .bool(true))
                }),
            Case(
                "a key that appears twice", "metadata u8", "the key appears twice",
                writing: { $0.set("u8", .uint8(1)) }),
            Case(
                "a string of more than 16 MiB", "metadata long", "16777217 bytes long; at most 16777216",
                writing: {
                    $0.set("long", .bytes([UInt8](repeating: 0x61, count: 16_777_217)))
                }),
            Case(
                "arrays nine deep", "metadata deep", "more than 8 deep",
                writing: {
                    $0.set("deep", (0..<8).reduce(.array(.uint8, [])) { value, _ in .array(.array, [value]) })
                }),
            Case(
                "65,537 arrays in an array", "metadata wide", "more than 65536 arrays in arrays",
                writing: {
                    $0.set(
                        "wide",
                        .array(.array, [GGUFWriter.Value](repeating: .array(.uint8, []), count: 65_537)))
                }),
        ] + alignmentCases

    private static let alignmentCases: [Case] =
        [0, 1, 4, 12, 48, 1 << 21, .max].map { (alignment: UInt32) in
            Case(
                "alignment \(alignment)", "metadata general.alignment",
                "\(alignment) is not a power of two from 8 to 1048576",
                writing: { $0.metadata[0].value = .uint32(alignment) })
        } + [
            Case(
                "an alignment that is a string", "metadata general.alignment",
                "a string; it must be an integer",
                writing: { $0.metadata[0].value = .string("32") })
        ]

    @Test("arrays eight deep are read")
    func deepest() throws {
        var writer = SampleFile.writer()
        writer.set(
            "deep", (0..<7).reduce(.array(.uint8, [.uint8(1)])) { value, _ in .array(.array, [value]) })
        let path = try directory.write(writer.bytes(), as: "deep.gguf")
        SampleFile.walk(try GGUFFile(path: path))
    }
}

// MARK: - Tensors

extension HostileFileTests {
    static let tensorCases: [Case] = [
        Case(
            "an unknown type", "tensor a", "unknown type 1234; supported are F32, F16",
            writing: { $0.tensors[0].typeNumber = 1_234 }),
        Case(
            "a type that is not read", "tensor a", "type IQ2_XXS is not supported",
            writing: { $0.tensors[0].typeNumber = 16 }),
        Case(
            "no dimensions", "tensor a", "0 dimensions; 1 to 4 are allowed",
            writing: { $0.tensors[0].shape = [] }),
        Case(
            "five dimensions", "tensor a", "5 dimensions; 1 to 4",
            writing: { $0.tensors[0].shape = [32, 1, 1, 1, 1] }),
        Case("2^32 - 1 dimensions", "tensor a", "4294967295 dimensions") {
            $0.put(UInt32.max, at: try tensorA($0))
        },
        Case(
            "a dimension of 0", "tensor a", "dimension 1 is 0; 1 to",
            writing: { $0.tensors[0].shape = [32, 0] }),
        Case(
            "a dimension of 2^63", "tensor a", "dimension 1 is 9223372036854775808",
            writing: {
                $0.tensors[0].shape = [32, 1 << 63]
            }),
        Case(
            "more elements than 64 bits count", "tensor a", "more elements than 64 bits count",
            writing: {
                $0.tensors[0].shape = [1 << 32, 1 << 32]
            }),
        Case(
            "more bytes than 64 bits count", "tensor b", "more elements than 64 bits count",
            writing: {
                $0.tensors[1].shape = [1 << 62]
            }),
        Case(
            "a row that cuts a block", "tensor a",
            "rows of 48 elements are no whole number of Q4_0 blocks of 32",
            writing: {
                $0.tensors[0].shape = [48, 2]
            }),
        Case(
            "an offset that is not aligned", "tensor b", "offset 65 is no multiple of the alignment 32",
            writing: {
                $0.tensors[1].offset = 65
            }),
        Case(
            "an offset past the end", "tensor b", "12 bytes at offset 1024 of the data pass the end",
            writing: {
                $0.tensors[1].offset = 1_024
            }),
        Case(
            "an offset near 2^64", "tensor b", "pass the end of the file",
            writing: { $0.tensors[1].offset = UInt64.max & ~31 }),
        Case(
            "data that are too short", "tensor a", "184320000 bytes at offset 0",
            writing: {
                $0.tensors[0].shape = [320_000, 1_024]
            }),
        Case(
            "two tensors in the same place", "tensor b", "inside tensor a, which ends at",
            writing: { $0.tensors[1].offset = 0 }),
        Case(
            "two tensors that overlap", "tensor b", "inside tensor a",
            writing: { $0.tensors[1].offset = 32 }),
        Case(
            "a name that appears twice", "tensor a", "the name appears twice",
            writing: { $0.tensors[1].name = "a" }),
        Case("an empty name", "tensor 1", "empty name", writing: { $0.tensors[1].name = "" }),
        Case(
            "a name of 65 bytes", "tensor 1", "65 bytes long; at most 64 are read",
            writing: {
                $0.tensors[1].name = String(repeating: "n", count: 65)
            }),
    ]

    /// Where the dimension count of tensor a stands: after its name, whose length is 1, behind the metadata.
    private static func tensorA(_ bytes: [UInt8]) throws -> Int {
        try bytes.end(of: "none") + 4 + 4 + 8 + 8 + 1
    }
}
