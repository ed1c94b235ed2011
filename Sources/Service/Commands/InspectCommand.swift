import Compute
import Glibc
import JSON
import ModelFiles
import Models

/// `apus inspect`: what is in a model file, and what memory it would take.
public enum InspectCommand {
    /// Elements of a metadata array that the text shows; strings are cut at so many characters.
    private static let shownElements = 8
    private static let shownCharacters = 72

    public static func run(path: String, asJSON: Bool) throws {
        let file = try ModelLoader.open(path)
        let plan = Result { () throws(ServiceError) in
            try MemoryFit(file: file, options: ModelOptions(), available: .read()).plan
        }
        if asJSON {
            LogOutput.writeAll(json(file, plan) + [UInt8(ascii: "\n")], to: STDOUT_FILENO)
        } else {
            LogOutput.writeAll(Array(text(file, plan).utf8), to: STDOUT_FILENO)
        }
    }

    // MARK: - Text

    private static func text(_ file: GGUFFile, _ plan: Result<MemoryPlan, ServiceError>) -> String {
        var text = "\(file.path): GGUF version \(file.version), \(Quantity.show(bytes: file.fileBytes))\n"
        text += "\nMetadata (\(file.metadata.entries.count))\n"
        let keyWidth = file.metadata.entries.map(\.key.count).max() ?? 0
        for entry in file.metadata.entries {
            text += "  \(padded(entry.key, keyWidth))  \(shown(entry.value))\n"
        }
        text += "\nTensors (\(file.tensors.count))\n"
        let nameWidth = file.tensors.map(\.name.count).max() ?? 0
        for tensor in file.tensors {
            let shape = tensor.shape.map(String.init).joined(separator: " × ")
            text += "  \(padded(tensor.name, nameWidth))  \(padded(tensor.type.name, 6))  \(shape)\n"
        }
        text += "\nTypes\n"
        for (type, sums) in totals(file) {
            text += "  \(padded(type.name, 6))  \(sums.count) tensors, \(Quantity.show(bytes: sums.bytes))\n"
        }
        text += "\nMemory plan\n"
        switch plan {
        case .failure(let error): text += "  none: \(error)\n"
        case .success(let plan):
            text += "  weights    \(Quantity.show(bytes: plan.weightBytes)), packed for this machine\n"
            text += "  KV cache   \(plan.kvText)\n"
            text += "  workspace  \(Quantity.show(bytes: plan.workspaceBytes))\n"
            text += "  total      \(Quantity.show(bytes: plan.totalBytes))\n"
            text += "  context    \(plan.sequenceMax) tokens a sequence\n"
        }
        return text
    }

    private static func totals(_ file: GGUFFile) -> [(type: TensorType, sums: (count: Int, bytes: Int))] {
        var totals: [TensorType: (count: Int, bytes: Int)] = [:]
        for tensor in file.tensors {
            totals[tensor.type, default: (0, 0)].count += 1
            totals[tensor.type, default: (0, 0)].bytes += tensor.byteCount
        }
        return totals.map { ($0.key, $0.value) }.sorted { $0.1.bytes > $1.1.bytes }
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func shown(_ value: MetadataValue) -> String {
        switch value {
        case .string(let string): return quoted(string)
        case .bool(let flag): return "\(flag)"
        case .float32(let number): return "\(number)"
        case .float64(let number): return "\(number)"
        case .array(let array):
            let first = (0..<min(shownElements, array.count)).map { shown(array[$0]) }.joined(separator: ", ")
            let rest = array.count > shownElements ? ", … (\(array.count) in all)" : ""
            return "[\(first)\(rest)]"
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .uint64, .int64:
            return value.integer.map(String.init) ?? value.number.map { "\($0)" } ?? ""
        }
    }

    /// On one line, control characters made visible: names in a file must not move the cursor.
    private static func quoted(_ text: String) -> String {
        var shown = ""
        for scalar in text.unicodeScalars.prefix(shownCharacters) {
            shown += scalar == "'" ? "'" : scalar.escaped(asASCII: false)
        }
        return "\"\(shown)\"" + (text.unicodeScalars.count > shownCharacters ? "…" : "")
    }

    // MARK: - JSON

    private static func json(_ file: GGUFFile, _ plan: Result<MemoryPlan, ServiceError>) -> [UInt8] {
        var writer = JSONWriter(reservingCapacity: 65_536)
        writer.beginObject()
        writer.key("path")
        writer.string(file.path)
        writer.key("version")
        writer.int(file.version)
        writer.key("bytes")
        writer.int(file.fileBytes)
        writer.key("metadata")
        writer.beginObject()
        for entry in file.metadata.entries {
            writer.key(named: entry.key)
            write(entry.value, &writer)
        }
        writer.endObject()
        writer.key("tensors")
        writer.beginArray()
        for tensor in file.tensors { write(tensor, &writer) }
        writer.endArray()
        writer.key("memory")
        write(plan, &writer)
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ tensor: TensorInfo, _ writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("name")
        writer.string(tensor.name)
        writer.key("type")
        writer.string(tensor.type.name)
        writer.key("shape")
        writer.beginArray()
        for size in tensor.shape { writer.int(size) }
        writer.endArray()
        writer.key("bytes")
        writer.int(tensor.byteCount)
        writer.endObject()
    }

    private static func write(_ plan: Result<MemoryPlan, ServiceError>, _ writer: inout JSONWriter) {
        writer.beginObject()
        switch plan {
        case .failure(let error):
            writer.key("error")
            writer.string(error.description)
        case .success(let plan):
            let members = [
                ("weights", plan.weightBytes), ("kv", plan.kvBytes), ("workspace", plan.workspaceBytes),
                ("total", plan.totalBytes), ("context", plan.sequenceMax),
                ("kv_tokens", plan.kv.positions(inSequencesOf: KVGeometry.blockTokens)),
                ("kv_tokens_in_long_sequences", plan.kv.positions(inSequencesOf: plan.sequenceMax)),
            ]
            for (name, value) in members {
                writer.key(named: name)
                writer.int(value)
            }
        }
        writer.endObject()
    }

    private static func write(_ value: MetadataValue, _ writer: inout JSONWriter) {
        switch value {
        case .string(let string): writer.string(string)
        case .bool(let flag): writer.bool(flag)
        case .float32(let number): writer.number(number)
        case .float64(let number): writer.number(number)
        case .uint64(let number): writer.int(number)
        case .array(let array):
            writer.beginArray()
            for index in 0..<array.count { write(array[index], &writer) }
            writer.endArray()
        case .uint8, .int8, .uint16, .int16, .uint32, .int32, .int64: writer.int(value.integer ?? 0)
        }
    }
}
