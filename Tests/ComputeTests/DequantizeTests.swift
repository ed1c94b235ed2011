import CKernels
import Compute
import Glibc
import Testing

/// The scalar dequantisers are the specification of the formats, so they are held to another implementation:
/// golden/dequantize.txt comes from the Python package gguf (golden/make-dequantize.py).
@Suite("Dequantize")
struct DequantizeTests {
    fileprivate static let blocks = Result { try goldenBlocks() }

    @Test(
        "random blocks of every type come out as the gguf package has them, bit for bit",
        arguments: TensorType.allCases)
    func golden(type: TensorType) throws {
        let cases = try DequantizeTests.blocks.get().filter { $0.type == type.name }
        #expect(!cases.isEmpty)
        for block in cases {
            #expect(block.bytes.count == type.blockBytes)
            let values = try dequantize(type, block.bytes)
            #expect(values.map(\.bitPattern) == block.valueBits)
        }
    }

    @Test("rows of several blocks come out block by block, at any address", arguments: TensorType.allCases)
    func rows(type: TensorType) throws {
        let blocks = try DequantizeTests.blocks.get().filter { $0.type == type.name }
        // One byte in front: no block lies at an even address, let alone a multiple of 4.
        let bytes = [0] + blocks.flatMap(\.bytes)
        var out = [Float](repeating: 0, count: blocks.count * type.blockElements)
        let code = bytes.withUnsafeBytes {
            apus_dequantize(type.rawValue, $0.baseAddress?.advanced(by: 1), &out, out.count)
        }
        #expect(code == 0)
        #expect(out.map(\.bitPattern) == blocks.flatMap(\.valueBits))
    }

    @Test("all 65,536 halves and brain floats convert as the hardware does")
    func halves() {
        for bits in UInt16.min...UInt16.max {
            let half = apus_f16_to_f32(bits)
            let expected = Float(Float16(bitPattern: bits))
            let same = half.bitPattern == expected.bitPattern || (half.isNaN && expected.isNaN)
            if !same { Issue.record("half \(bits): \(half) is not \(expected)") }
            if apus_bf16_to_f32(bits).bitPattern != UInt32(bits) << 16 { Issue.record("brain float \(bits)") }
        }
    }

    @Test("an unknown type and a count that cuts a block are refused, and nothing is written")
    func refusals() {
        let bytes = [UInt8](repeating: 0xFF, count: 1_024)
        var out: [Float] = [7]
        for number: UInt32 in [4, 9, 16, 40, .max] {
            #expect(apus_dequantize(number, bytes, &out, 32) == Int32(APUS_DEQUANTIZE_UNKNOWN_TYPE))
        }
        for type in TensorType.allCases where type.blockElements > 1 {
            let code = apus_dequantize(type.rawValue, bytes, &out, type.blockElements - 1)
            #expect(code == Int32(APUS_DEQUANTIZE_PARTIAL_BLOCK))
        }
        #expect(out == [7])
    }

    private func dequantize(_ type: TensorType, _ bytes: [UInt8]) throws -> [Float] {
        var out = [Float](repeating: 0, count: type.blockElements)
        try #require(apus_dequantize(type.rawValue, bytes, &out, out.count) == 0)
        return out
    }
}

// MARK: - The golden file

private struct GoldenBlock {
    let type: String
    let bytes: [UInt8]
    /// Of the elements in f32.
    let valueBits: [UInt32]
}

private func goldenBlocks() throws -> [GoldenBlock] {
    let folder = "/" + #filePath.split(separator: "/").dropLast().joined(separator: "/")
    let file = try #require(fopen(folder + "/golden/dequantize.txt", "r"), "golden/dequantize.txt is missing")
    defer { fclose(file) }
    var buffer = [UInt8](repeating: 0, count: 1 << 20)
    let length = fread(&buffer, 1, buffer.count, file)
    return try buffer.prefix(length).split(separator: UInt8(ascii: "\n")).dropFirst().map { line in
        let fields = line.split(separator: UInt8(ascii: " "))
        try #require(fields.count == 3)
        let values = try bytes(ofHex: fields[2])
        let bits = stride(from: 0, to: values.count, by: 4).map { place in
            (0..<4).reduce(UInt32(0)) { $0 | UInt32(values[place + $1]) << (8 * $1) }
        }
        return GoldenBlock(
            type: String(decoding: fields[0], as: UTF8.self), bytes: try bytes(ofHex: fields[1]),
            valueBits: bits)
    }
}

private func bytes(ofHex digits: ArraySlice<UInt8>) throws -> [UInt8] {
    let nibbles = try digits.map { digit in
        try #require(Character(Unicode.Scalar(digit)).hexDigitValue, "not a hexadecimal digit")
    }
    return stride(from: 0, to: nibbles.count, by: 2).map { UInt8(nibbles[$0] << 4 | nibbles[$0 + 1]) }
}
