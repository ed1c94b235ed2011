import Testing

@testable import JSON

/// One document of the JSON parsing test suite (github.com/nst/JSONTestSuite, MIT).
struct SuiteCase: Sendable, CustomTestStringConvertible {
    let name: String
    let document: [UInt8]
    var testDescription: String { name }
}

@Suite("The JSON parsing suite")
struct ParsingSuiteTests {
    /// One line a document: name, how often the unit is repeated, the unit, the tail; bytes outside of
    /// printable ASCII and backslashes are written `\xx`.
    static let cases: [SuiteCase] = {
        let path = String(#filePath.dropLast("ParsingSuiteTests.swift".count)) + "golden/parsing-suite.tsv"
        return readFile(path).split(separator: UInt8(ascii: "\n")).map { line in
            let fields = line.split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            let count = Int(String(decoding: fields[1], as: UTF8.self)) ?? 0
            let unit = unescaped(fields[2])
            let document = Array(repeatElement(unit, count: count).joined()) + unescaped(fields[3])
            return SuiteCase(name: String(decoding: fields[0], as: UTF8.self), document: document)
        }
    }()

    static func unescaped(_ text: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var rest = text
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\") {
                result.append(UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) ?? 0)
                rest = rest.dropFirst(2)
            } else {
                result.append(byte)
            }
        }
        return result
    }

    @Test("the suite is complete") func complete() {
        #expect(Self.cases.count == 318)
    }

    @Test(
        "what must be accepted is accepted, and reads back from what the writer makes of it",
        arguments: cases.filter { $0.name.hasPrefix("y_") && !$0.name.contains("duplicated_key") })
    func accepted(_ item: SuiteCase) throws {
        let value = try JSONValue.parse(item.document)
        var writer = JSONWriter()
        writer.value(value)
        #expect(try JSONValue.parse(writer.bytes) == value)
    }

    // RFC 8259 section 4 lets receivers differ on repeated names; which value counts must not be a guess.
    @Test(
        "what must be refused is refused, and so are repeated member names",
        arguments: cases.filter { $0.name.hasPrefix("n_") || $0.name.contains("duplicated_key") })
    func refused(_ item: SuiteCase) {
        #expect(throws: JSONError.self) { try JSONValue.parse(item.document) }
    }

    @Test("where the suite leaves the choice, only what loses nothing is accepted")
    func either() {
        let accepted = Self.cases.filter {
            $0.name.hasPrefix("i_") && (try? JSONValue.parse($0.document)) != nil
        }
        #expect(
            accepted.map(\.name) == [
                "i_number_double_huge_neg_exp", "i_number_real_underflow", "i_number_too_big_neg_int",
                "i_number_too_big_pos_int", "i_number_very_big_negative_int",
            ])
    }

    @Test("no truncation and no changed byte of a document crashes the reader")
    func mutations() {
        for item in Self.cases where item.document.count < 400 {
            for length in 0..<item.document.count {
                _ = try? JSONValue.parse(Array(item.document.prefix(length)))
            }
            for index in item.document.indices {
                for byte in [0x00, 0x22, 0x5C, 0x7B, 0x5D, 0x2C, 0x2D, 0x30, 0x75, 0x80, 0xE0, 0xFF]
                    as [UInt8]
                {
                    var document = item.document
                    document[index] = byte
                    _ = try? JSONValue.parse(document)
                }
            }
        }
    }
}
