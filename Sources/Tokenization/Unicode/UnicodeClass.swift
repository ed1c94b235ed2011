/// What a code point is, as far as tokenizers ask: its general category's first letter, and whether it is
/// white space. A code point without any bit is unassigned.
struct UnicodeClass: OptionSet, Sendable {
    let rawValue: UInt8

    static let letter = UnicodeClass(rawValue: 1 << 0)
    static let number = UnicodeClass(rawValue: 1 << 1)
    static let punctuation = UnicodeClass(rawValue: 1 << 2)
    static let symbol = UnicodeClass(rawValue: 1 << 3)
    static let mark = UnicodeClass(rawValue: 1 << 4)
    /// Control, format, surrogate, private use.
    static let control = UnicodeClass(rawValue: 1 << 5)
    static let whitespace = UnicodeClass(rawValue: 1 << 6)
}

/// The Unicode data that tokenizers need, unfolded once from the generated runs into two-stage tables.
final class UnicodeData: Sendable {
    static let shared = UnicodeData()

    static let codePoints: UInt32 = 0x110000
    /// What stands in for bytes that are not UTF-8.
    static let replacement: UInt32 = 0xFFFD

    private static let blockBits: UInt32 = 8
    private static let blockSize = 1 << 8
    /// The block of each 256 code points.
    private let blocks: ConstantTable<UInt16>
    /// 256 classes a block; the first 128 are ASCII's.
    private let classes: ConstantTable<UInt8>
    private let lowercase: [UInt32: UInt32]

    private init() {
        let (blocks, classes) = Self.unfold(UnicodeTables.classRuns)
        self.blocks = ConstantTable(blocks)
        self.classes = ConstantTable(classes)
        lowercase = Self.lowercaseMap(UnicodeTables.lowercaseRuns)
    }

    /// The class of an ASCII byte.
    @inline(__always)
    func asciiClass(_ byte: UInt8) -> UnicodeClass {
        UnicodeClass(rawValue: classes.base[Int(byte & 0x7F)])
    }

    @inline(__always)
    func classOf(_ codePoint: UInt32) -> UnicodeClass {
        guard codePoint < Self.codePoints else { return [] }
        let block = Int(blocks.base[Int(codePoint >> Self.blockBits)])
        return UnicodeClass(rawValue: classes.base[block << 8 | Int(codePoint & 0xFF)])
    }

    func lowercased(_ codePoint: UInt32) -> UInt32 {
        if codePoint < 0x80 {
            return codePoint &- 0x41 < 26 ? codePoint | 0x20 : codePoint
        }
        return lowercase[codePoint] ?? codePoint
    }

    /// The first code point of the canonical decomposition: the letter without its accents.
    func base(of codePoint: UInt32) -> UInt32 {
        guard codePoint >= 0x80 else { return codePoint }
        let runs = UnicodeTables.baseRuns
        var low = 0
        var high = runs.count / 2
        // Invariant: the run that holds codePoint is in low ..< high; the first run starts at 0.
        while high - low > 1 {
            let middle = (low + high) / 2
            if runs[2 * middle] <= Int32(bitPattern: codePoint) { low = middle } else { high = middle }
        }
        let base = runs[2 * low + 1]
        return base == 0 ? codePoint : UInt32(base)
    }

    /// A block that one run covers wholly is shared by all blocks of that class.
    private static func unfold(_ runs: [Int32]) -> (blocks: [UInt16], classes: [UInt8]) {
        var flat = [UInt8](repeating: 0, count: Int(codePoints))
        for run in stride(from: 0, to: runs.count, by: 2) {
            let end = run + 2 < runs.count ? Int(runs[run + 2]) : flat.count
            for codePoint in Int(runs[run])..<end { flat[codePoint] = UInt8(runs[run + 1]) }
        }
        var blocks: [UInt16] = []
        var classes: [UInt8] = []
        var uniform: [UInt8: UInt16] = [:]
        for start in stride(from: 0, to: flat.count, by: blockSize) {
            let block = flat[start..<start + blockSize]
            let first = flat[start]
            let isUniform = block.allSatisfy { $0 == first }
            if isUniform, let known = uniform[first] {
                blocks.append(known)
                continue
            }
            let index = UInt16(classes.count / blockSize)
            if isUniform { uniform[first] = index }
            blocks.append(index)
            classes.append(contentsOf: block)
        }
        return (blocks, classes)
    }

    private static func lowercaseMap(_ rows: [Int32]) -> [UInt32: UInt32] {
        var map: [UInt32: UInt32] = [:]
        for row in stride(from: 0, to: rows.count, by: 4) {
            for source in stride(from: rows[row], through: rows[row + 1], by: Int(rows[row + 2])) {
                map[UInt32(source)] = UInt32(source + rows[row + 3])
            }
        }
        return map
    }
}
