import Testing

@testable import JSON

@Suite("Writing JSON")
struct JSONWriterTests {
    private func text(_ write: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        write(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test("containers get their commas")
    func containers() {
        let json = text {
            $0.beginObject()
            $0.key("a")
            $0.beginArray()
            $0.int(1)
            $0.bool(false)
            $0.beginObject()
            $0.endObject()
            $0.append(raw: Array("[2,3]".utf8))
            $0.endArray()
            $0.key("b")
            $0.null()
            $0.key(named: "c\"")
            $0.null()
            $0.endObject()
        }
        #expect(json == #"{"a":[1,false,{},[2,3]],"b":null,"c\"":null}"#)
    }

    @Test("only quotes, backslashes and control characters are escaped; what is not UTF-8 is replaced")
    func escapes() {
        #expect(
            text { $0.string("\"\\/\n\r\t\u{8}\u{C}\u{0}\u{1F}\u{7F}é🤖") }
                == "\"\\\"\\\\/\\n\\r\\t\\b\\f\\u0000\\u001f\u{7F}é🤖\"")
        #expect(text { $0.string(utf8: [0x61, 0xFF, 0x62, 0xE2, 0x82]) } == "\"a\u{FFFD}b\u{FFFD}\u{FFFD}\"")
    }

    @Test("numbers are the shortest that read back; JSON has no infinity and no NaN")
    func numbers() {
        #expect(text { $0.int(Int64.min) } == "-9223372036854775808")
        #expect(text { $0.int(UInt64.max) } == "18446744073709551615")
        #expect(text { $0.number(0.1) } == "0.1")
        #expect(text { $0.number(Float(0.1)) } == "0.1")
        #expect(text { $0.number(1e-7) } == "1e-07")
        #expect(text { $0.number(Double.nan) } == "null")
        #expect(text { $0.number(-Float.infinity) } == "null")
    }

    @Test("what is written reads back as the same value")
    func roundTrip() throws {
        var random = SystemRandomNumberGenerator()
        for _ in 0..<300 {
            let value = randomValue(depth: 4, using: &random)
            var writer = JSONWriter()
            writer.value(value)
            #expect(try JSONValue.parse(writer.bytes) == value)
        }
    }

    private func randomValue(depth: Int, using random: inout SystemRandomNumberGenerator) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &random) {
        case 0: return .null
        case 1: return .bool(.random(using: &random))
        case 2: return .int(.random(in: .min ... .max, using: &random))
        case 3:
            let value = Double(bitPattern: .random(in: 0 ... .max, using: &random))
            return .number(value.isFinite ? value : 0.5)
        case 4, 5:
            let scalars = (0..<Int.random(in: 0..<20, using: &random)).map { _ in
                Unicode.Scalar(UInt32.random(in: 0...0x10FFFF, using: &random)) ?? "\""
            }
            return .string(String(String.UnicodeScalarView(scalars)))
        case 6: return .array((0..<4).map { _ in randomValue(depth: depth - 1, using: &random) })
        default:
            var object = JSONObject()
            for index in 0..<Int.random(in: 0..<20, using: &random) {
                object["\(index)\n"] = randomValue(depth: depth - 1, using: &random)
            }
            return .object(object)
        }
    }
}
