import Compute
import ModelFiles
import TestSupport
import Testing

/// A file of a few hundred bytes with everything in it that the format has.
enum SampleFile {
    static func writer(version: UInt32 = 3) -> GGUFWriter {
        var writer = GGUFWriter()
        writer.version = version
        writer.set("general.alignment", .uint32(32))
        writer.set("u8", .uint8(.max))
        writer.set("i8", .int8(.min))
        writer.set("u16", .uint16(.max))
        writer.set("i16", .int16(.min))
        writer.set("u32", .uint32(.max))
        writer.set("i32", .int32(.min))
        writer.set("u64", .uint64(.max))
        writer.set("i64", .int64(.min))
        writer.set("f32", .float32(0.5))
        writer.set("f64", .float64(-0.25))
        writer.set("yes", .bool(true))
        writer.set("text", .string("naïve"))
        writer.set("words", .array(.string, [.string("one"), .bytes([0xFF, 0x00]), .string("")]))
        writer.set("counts", .array(.uint16, [.uint16(1), .uint16(2), .uint16(65_535)]))
        writer.set("flags", .array(.bool, [.bool(true), .bool(false)]))
        writer.set(
            "nested", .array(.array, [.array(.int8, [.int8(-1)]), .array(.string, [.string("deep")])]))
        writer.set("none", .array(.float32, []))
        writer.add("a", .q4_0, [32, 2], data: [UInt8](1...36))
        writer.add("b", .f32, [3], data: [UInt8](repeating: 9, count: 12))
        return writer
    }

    /// Reads all that a file offers, down to the last byte of its tensors. The number depends on all of it.
    @discardableResult
    static func walk(_ file: GGUFFile) -> Int {
        var sum = 0
        for entry in file.metadata.entries {
            sum &+= entry.key.utf8.count
            walk(entry.value, &sum)
        }
        for tensor in file.tensors {
            sum &+= tensor.elementCount &+ tensor.rowCount
            for byte in file.bytes(of: tensor) { sum &+= Int(byte) }
        }
        return sum
    }

    private static func walk(_ value: MetadataValue, _ sum: inout Int) {
        guard case .array(let array) = value else {
            if case .string(let string) = value { sum &+= string.utf8.count }
            return
        }
        for index in 0..<array.count { walk(array[index], &sum) }
    }
}

extension [UInt8] {
    /// Overwrites a little-endian number.
    mutating func put(_ number: some FixedWidthInteger, at offset: Int) {
        Swift.withUnsafeBytes(of: number.littleEndian) {
            for (index, byte) in $0.enumerated() { self[offset + index] = byte }
        }
    }

    /// Where what follows a metadata key or a tensor name begins.
    func end(of name: String) throws -> Int {
        let name = Array(name.utf8)
        let start = indices.first { self[$0...].starts(with: name) }
        return try #require(start, "the file has no such name") + name.count
    }
}
