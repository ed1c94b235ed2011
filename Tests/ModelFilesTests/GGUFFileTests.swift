import Compute
import ModelFiles
import TestSupport
import Testing

@Suite("GGUF files")
struct GGUFFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("every metadata type is read, in versions 2 and 3", arguments: [UInt32(2), 3])
    func metadataTypes(version: UInt32) throws {
        let file = try open(SampleFile.writer(version: version))
        let metadata = file.metadata
        #expect(file.version == Int(version))
        #expect(metadata.entries.map(\.key) == SampleFile.writer().metadata.map(\.key))
        let integers = [
            "u8": 255, "i8": -128, "u16": 65_535, "i16": -32_768, "u32": 4_294_967_295, "i32": -2_147_483_648,
        ]
        for (key, expected) in integers { #expect(try metadata.integer(key) == expected) }
        #expect(try metadata.integer("i64") == .min)
        #expect(try metadata.number("u64") == 0x1p64)
        #expect(try metadata.number("f32") == 0.5)
        #expect(try metadata.number("f64") == -0.25)
        #expect(try metadata.number("i8") == -128)
        #expect(try metadata.bool("yes"))
        #expect(try metadata.string("text") == "naïve")
        #expect(try metadata.integers("counts") == [1, 2, 65_535])
        #expect(try metadata.numbers("counts") == [1, 2, 65_535])
        #expect(try metadata.numbers("none") == [])
    }

    @Test("strings in arrays are kept as bytes, UTF-8 or not")
    func strings() throws {
        let words = try open(SampleFile.writer()).metadata.strings("words")
        #expect(words.count == 3)
        #expect((0..<3).map { words[$0] } == [Array("one".utf8), [0xFF, 0x00], []])
        #expect((0..<3).map(words.byteCount(at:)) == [3, 2, 0])
        #expect(words.withBytes(at: 0) { $0.first } == UInt8(ascii: "o"))
    }

    @Test("strings outlive the file object that they come from")
    func lifetime() throws {
        let words = try { try open(SampleFile.writer()).metadata.strings("words") }()
        #expect(words[0] == Array("one".utf8))
    }

    @Test("arrays in arrays are read")
    func nestedArrays() throws {
        let value = try #require(try open(SampleFile.writer()).metadata.value("nested"))
        guard case .array(let outer) = value, case .array(let numbers) = outer[0],
            case .array(let words) = outer[1],
            case .int8(let number) = numbers[0], case .string(let word) = words[0]
        else {
            Issue.record("nested has other types")
            return
        }
        #expect(outer.count == 2)
        #expect(number == -1)
        #expect(word == "deep")
    }

    @Test(
        "tensors have their shape, type and bytes, at the alignment that the file asks for",
        arguments: [8, 32, 4096])
    func tensors(alignment: Int) throws {
        var writer = SampleFile.writer()
        writer.alignment = alignment
        writer.metadata[0].value = .uint32(UInt32(alignment))
        let file = try open(writer)
        #expect(file.tensors.map(\.name) == ["a", "b"])
        let tensor = try #require(file.tensor("a"))
        #expect(tensor.type == .q4_0)
        #expect(tensor.shape == [32, 2])
        #expect(tensor.rowLength == 32 && tensor.rowCount == 2 && tensor.elementCount == 64)
        #expect(tensor.fileOffset % alignment == 0)
        #expect(Array(file.bytes(of: tensor)) == [UInt8](1...36))
        #expect(file.tensor("c") == nil)
    }

    @Test("a file without tensors, as vocabularies are, needs no data section")
    func vocabularyOnly() throws {
        var writer = SampleFile.writer()
        writer.tensors = []
        #expect(try open(writer).tensors.isEmpty)
    }

    @Test("the padding after the last tensor may be absent")
    func noPaddingAtTheEnd() throws {
        var bytes = SampleFile.writer().bytes()
        while bytes.last == 0 { bytes.removeLast() }
        let file = try GGUFFile(path: try directory.write(bytes, as: "a.gguf"))
        #expect(file.tensors.last.map { Array(file.bytes(of: $0)) } == [UInt8](repeating: 9, count: 12))
    }

    @Test("a required tensor has the shape that the metadata call for; trailing ones do not matter")
    func shapes() throws {
        let file = try open(SampleFile.writer())
        #expect(try file.tensor("a", shape: [32, 2]).name == "a")
        #expect(try file.tensor("b", shape: [3, 1, 1]).name == "b")
        #expect(try file.optionalTensor("c", shape: [1]) == nil)
        try expectError("tensor c", "missing; expected shape [32, 64]") {
            _ = try file.tensor("c", shape: [32, 64])
        }
        try expectError("tensor a", "shape [32, 2], where the metadata call for [2, 32]") {
            _ = try file.tensor("a", shape: [2, 32])
        }
        try expectError("tensor b", "[3], where the metadata call for [3, 2]") {
            _ = try file.optionalTensor("b", shape: [3, 2])
        }
    }

    @Test("an accessor's error names the key, what the file has, and what would be right")
    func accessorErrors() throws {
        let metadata = try open(SampleFile.writer()).metadata
        try expectError("metadata absent", "the file does not have it") { _ = try metadata.integer("absent") }
        try expectError("metadata text", "a string; it must be an integer") {
            _ = try metadata.integer("text")
        }
        try expectError("metadata u64", "the uint64 18446744073709551615; it must be") {
            _ = try metadata.integer("u64")
        }
        try expectError("metadata u8", "a uint8; it must be a string") { _ = try metadata.string("u8") }
        try expectError("metadata u8", "it must be a bool") { _ = try metadata.bool("u8") }
        try expectError("metadata yes", "it must be a number") { _ = try metadata.number("yes") }
        try expectError("metadata counts", "an array of 3 uint16; it must be an array of strings") {
            _ = try metadata.strings("counts")
        }
        try expectError("metadata words", "an array of 3 string; it must be an array of integers") {
            _ = try metadata.integers("words")
        }
        try expectError("metadata text", "it must be an array of numbers") {
            _ = try metadata.numbers("text")
        }
        #expect(try metadata.optionalInteger("absent") == nil)
        #expect(try metadata.optionalStrings("absent") == nil)
        #expect(try metadata.optionalNumbers("absent") == nil)
        try expectError("metadata text", "it must be a bool") { _ = try metadata.optionalBool("text") }
    }

    private func open(_ writer: GGUFWriter) throws -> GGUFFile {
        try GGUFFile(path: try directory.write(writer.bytes(), as: "a.gguf"))
    }
}

/// Expects a `ModelFileError` about this field whose reason contains a text.
func expectError(
    _ field: String, _ reason: String, sourceLocation: SourceLocation = #_sourceLocation,
    _ body: () throws -> Void
) throws {
    let error = try #require(throws: ModelFileError.self, sourceLocation: sourceLocation) { try body() }
    #expect(error.field == field, sourceLocation: sourceLocation)
    #expect(error.reason.contains(reason), "\(error)", sourceLocation: sourceLocation)
}
