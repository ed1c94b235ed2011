import Testing

@testable import JSON

@Suite("Reading JSON")
struct JSONReaderTests {
    private func failure(_ text: String, limits: JSONLimits = JSONLimits()) -> String {
        do throws(JSONError) {
            _ = try JSONValue.parse(text, limits: limits)
            return "accepted"
        } catch {
            return error.description
        }
    }

    @Test("a document becomes a tree whose members keep their order")
    func tree() throws {
        let value = try JSONValue.parse(#" {"b": [1, -2.5, "x\n", true, null], "a": {}} "#)
        #expect(value == ["b": [1, -2.5, "x\n", true, .null], "a": [:]])
        #expect(value.object?.keys == ["b", "a"])
        #expect(value["b"]?[1]?.double == -2.5)
        #expect(value["b"]?[5] == nil)
        #expect(value["c"] == nil)
    }

    @Test("an error says what was expected, what is there, and where")
    func errors() {
        #expect(
            failure("{\"a\": 1,\n  b: 2}")
                == "line 2, column 3 (byte 11): expected a member name in double quotes, found \"b\"")
        #expect(
            failure("[1 2]")
                == "line 1, column 4 (byte 3): expected \",\" or \"]\" after an element, found \"2\"")
        #expect(failure("") == "line 1, column 1 (byte 0): expected a value, found the end of the document")
        #expect(failure("1 x") == "line 1, column 3 (byte 2): expected the end of the document, found \"x\"")
        #expect(failure("nulo") == "line 1, column 4 (byte 3): expected the word null, found \"o\"")
        #expect(
            failure("[01]") == "line 1, column 3 (byte 2): a number must not start with 0 and another digit")
        #expect(failure("\u{FEFF}1").hasSuffix("found a byte order mark; send UTF-8 without one"))
        #expect(
            failure("\"a\tb\"").hasSuffix("a string holds the control character 0x9; write it as an escape"))
    }

    @Test("a member name may occur once in an object; the error points at the second")
    func duplicates() {
        #expect(
            failure(#"{"a":1,"b":{"a":2},"a":3}"#)
                == "line 1, column 20 (byte 19): the member \"a\" occurs twice in one object")
        let many = (0..<40).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(failure("{\(many),\"k17\":1}").hasSuffix("the member \"k17\" occurs twice in one object"))
        #expect(failure(#"{"a":1,"\u0061":2}"#).hasSuffix("occurs twice in one object"))
    }

    @Test("names that only look alike are different members")
    func normalization() throws {
        let value = try JSONValue.parse("{\"\u{E9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{E9}"]?.int == 1)
        #expect(value["e\u{301}"]?.int == 2)
    }

    @Test("integers are exact to 64 bits, other numbers correctly rounded, overflow is refused")
    func numbers() throws {
        #expect(try JSONValue.parse("9223372036854775807") == .int(.max))
        #expect(try JSONValue.parse("-9223372036854775808") == .int(.min))
        #expect(try JSONValue.parse("9223372036854775808") == .number(9_223_372_036_854_775_808))
        #expect(try JSONValue.parse("0.1") == .number(0.1))
        #expect(try JSONValue.parse("9007199254740993.0") == .number(9_007_199_254_740_992))
        #expect(try JSONValue.parse("2.2250738585072014e-308") == .number(.leastNormalMagnitude))
        #expect(try JSONValue.parse("1e-999") == .number(0))
        #expect(try JSONValue.parse("-0").double?.sign == .minus)
        #expect(try JSONValue.parse("3.0").int == 3)
        #expect(try JSONValue.parse("3.5").int == nil)
        #expect(
            failure("[1e999]") == "line 1, column 2 (byte 1): a number is outside the range of a 64-bit float"
        )
        #expect(failure("+5") != "accepted")
        #expect(failure("NaN") != "accepted")
    }

    @Test("escapes become their characters; half a surrogate pair and bad UTF-8 are refused where they stand")
    func strings() throws {
        #expect(try JSONValue.parse(#""\u00e9\ud83e\udd16\/\"""#) == .string("é🤖/\""))
        #expect(failure(#""\ud83e""#).hasPrefix("line 1, column 2 "))
        #expect(failure(#""ab\udd16""#).hasPrefix("line 1, column 4 "))
        #expect(failure(#""\ud83e\u0041""#) != "accepted")
        #expect(failure(#""\u12g4""#).hasSuffix("expected four hexadecimal digits after \\u, found \"g\""))
        for bad in [[0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82]] as [[UInt8]] {
            let plain = Array("\"ab".utf8) + bad + Array("\"".utf8)
            let escaped = Array("\"\\n".utf8) + bad + Array("\"".utf8)
            for document in [plain, escaped] {
                let error = #expect(throws: JSONError.self) { try JSONValue.parse(document) }
                #expect(error?.offset == 3)
            }
        }
    }

    @Test("each limit holds at its value and refuses one past it")
    func limits() {
        let deep = { String(repeating: "[", count: $0) + String(repeating: "]", count: $0) }
        #expect(failure(deep(128)) == "accepted")
        #expect(failure(deep(129)).hasSuffix("arrays and objects nest deeper than 128"))
        #expect(failure("[1,2]", limits: JSONLimits(valuesMax: 3)) == "accepted")
        #expect(failure("[1,2,3]", limits: JSONLimits(valuesMax: 3)).hasSuffix("more than 3 values"))
        #expect(failure("12345", limits: JSONLimits(numberBytesMax: 5)) == "accepted")
        #expect(failure("123456", limits: JSONLimits(numberBytesMax: 5)).hasSuffix("longer than 5 bytes"))
    }

    @Test("the pull reader yields each token, then nil")
    func pull() throws {
        try Array(#"{"a":[1,"b"]}"#.utf8).withUnsafeBytes { bytes in
            var reader = JSONReader(bytes)
            var tokens: [JSONToken] = []
            while let token = try reader.next() { tokens.append(token) }
            #expect(
                tokens == [
                    .beginObject, .key("a"), .beginArray, .int(1), .string("b"), .endArray, .endObject,
                ])
            #expect(try reader.next() == nil)
        }
    }
}
