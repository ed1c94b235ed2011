@testable import JSON

// The JSON reader, the tree that is made of it, and the writer: what is accepted is written and read back the same.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzJSON(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = UnsafeRawBufferPointer(FuzzInput(data, count))
    let limits = JSONLimits(depthMax: 16, valuesMax: 1_000, numberBytesMax: 64)
    let isReadable = checkReader(input, limits)
    do throws(JSONError) {
        let value = try JSONValue.parse(input, limits: limits)
        precondition(isReadable, "the tree was made of what the reader refuses")
        checkRoundTrip(value, limits)
    } catch {
        precondition(!error.description.isEmpty, "an error without words")
    }
    return 0
}

/// - Returns: The document is one, as far as a reader can tell that does not compare names.
private func checkReader(_ input: UnsafeRawBufferPointer, _ limits: JSONLimits) -> Bool {
    var reader = JSONReader(input, limits: limits)
    var depth = 0
    do throws(JSONError) {
        var before = 0
        while let token = try reader.next() {
            precondition(
                before <= reader.tokenOffset && reader.tokenOffset < reader.offset,
                "a token outside its place")
            precondition(reader.offset <= input.count, "the reader left the document")
            before = reader.offset
            switch token {
            case .beginArray, .beginObject: depth += 1
            case .endArray, .endObject: depth -= 1
            case .number(let value): precondition(value.isFinite, "a number that JSON does not have")
            case .string(let text), .key(let text):
                precondition(text.utf8.count <= input.count, "a string longer than the document")
            case .null, .bool, .int: break
            }
            precondition(0 <= depth && depth <= limits.depthMax, "the depth is out of bounds")
        }
    } catch {
        precondition(reader.offset <= input.count, "the reader left the document")
        return false
    }
    precondition(depth == 0 && reader.offset == input.count, "the document ended too early")
    return true
}

private func checkRoundTrip(_ value: JSONValue, _ limits: JSONLimits) {
    var writer = JSONWriter()
    writer.value(value)
    do throws(JSONError) {
        let again = try JSONValue.parse(writer.bytes)
        precondition(again == value, "what was written reads differently")
        var second = JSONWriter()
        second.value(again)
        precondition(second.bytes == writer.bytes, "what was read again is written differently")
    } catch {
        preconditionFailure("what was written cannot be read: \(error)")
    }
}
