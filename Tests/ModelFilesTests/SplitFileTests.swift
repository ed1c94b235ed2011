import Compute
import ModelFiles
import TestSupport
import Testing

@Suite("Split models")
struct SplitFileTests {
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory() }

    @Test("any of the files opens the whole model", arguments: 0..<3)
    func opens(first: Int) throws {
        try writeParts()
        let file = try GGUFFile(path: directory.file(name(first)))
        #expect(try file.metadata.string("general.architecture") == "llama")
        #expect(file.tensors.map(\.name) == ["t0", "t1", "t2"])
        #expect(file.tensors.map(\.part) == [0, 1, 2])
        for (part, tensor) in file.tensors.enumerated() {
            #expect(file.bytes(of: tensor).allSatisfy { $0 == UInt8(part) })
            #expect(file.bytes(of: tensor).count == 128)
        }
    }

    @Test("missing files are named")
    func missing() throws {
        try writeParts(skipping: [0, 2])
        let expected =
            "2 of the model's 3 files missing: \(directory.file(name(0))), \(directory.file(name(2)))"
        try expectError("split.count", expected) { _ = try GGUFFile(path: directory.file(name(1))) }
    }

    @Test("a file that does not have the name of a part is refused")
    func misnamed() throws {
        try directory.write(part(0).bytes(), as: "model.gguf")
        try expectError("metadata split.count", "one of 3, so its name must end like -00001-of-00003.gguf") {
            _ = try GGUFFile(path: directory.file("model.gguf"))
        }
    }

    @Test("a file in another's place is refused")
    func swapped() throws {
        try writeParts()
        try directory.write(part(2).bytes(), as: name(1))
        try expectError("metadata split.no", "2, where the file's name says 1") {
            _ = try GGUFFile(path: directory.file(name(0)))
        }
    }

    @Test("a part of another model is refused")
    func foreign() throws {
        try writeParts()
        try directory.write(part(1, of: 4).bytes(), as: name(1))
        try expectError("metadata split.count", "4, where the file's name says 3") {
            _ = try GGUFFile(path: directory.file(name(0)))
        }
    }

    @Test("tensors that are missing altogether are noticed")
    func tensorCount() throws {
        try writeParts()
        var empty = part(1)
        empty.tensors = []
        try directory.write(empty.bytes(), as: name(1))
        try expectError("metadata split.tensors.count", "3, but the 3 files have 2 tensors") {
            _ = try GGUFFile(path: directory.file(name(0)))
        }
    }

    @Test("a tensor in two files is refused")
    func duplicate() throws {
        try writeParts()
        var twin = part(1)
        twin.tensors[0].name = "t0"
        try directory.write(twin.bytes(), as: name(1))
        try expectError("tensor t0", "in more than one of the model's files") {
            _ = try GGUFFile(path: directory.file(name(0)))
        }
    }

    @Test("counts beyond any model are refused", arguments: [1_025, 65_535])
    func hugeCount(count: Int) throws {
        try directory.write(part(0, of: count).bytes(), as: name(0))
        try expectError("metadata split.count", "\(count); at most 1024 are read") {
            _ = try GGUFFile(path: directory.file(name(0)))
        }
    }

    private func name(_ part: Int) -> String { "model-0000\(part + 1)-of-00003.gguf" }

    private func part(_ number: Int, of count: Int = 3) -> GGUFWriter {
        var writer = GGUFWriter()
        if number == 0 { writer.set("general.architecture", .string("llama")) }
        writer.set("split.no", .uint16(UInt16(number)))
        writer.set("split.count", .uint16(UInt16(count)))
        writer.set("split.tensors.count", .int32(3))
        writer.add("t\(number)", .f32, [32], data: [UInt8](repeating: UInt8(number), count: 128))
        return writer
    }

    private func writeParts(skipping skipped: Set<Int> = []) throws {
        for number in 0..<3 where !skipped.contains(number) {
            try directory.write(part(number).bytes(), as: name(number))
        }
    }
}
