import FoundationEssentials
import Testing
import WireChecks

/// Every number of docs/wire-checks.md has a row of a table or a test whose title, or docstring, names it.
@Suite("Coverage of the wire checks")
struct CoverageTests {
    @Test("No number of the list is without a row or a test that names it")
    func numbers() throws {
        let rows = WireTables.all.map(\.check) + ConnectionCase.all.map(\.check)
        var titled: Set<Int> = []
        for path in try Self.testFiles() { titled.formUnion(Self.numbersNamed(in: try Self.text(of: path))) }
        #expect(Set(1...110).subtracting(rows).subtracting(titled).sorted() == [])
    }

    @Test("The list has each number once, from 1 to 110")
    func list() throws {
        let numbers = try Self.text(of: Self.root + "/docs/wire-checks.md").split(separator: "\n").compactMap
        { line in
            line.hasPrefix("| ") ? Int(line.dropFirst(2).prefix { $0 != " " }) : nil
        }
        #expect(numbers == Array(1...110))
    }

    @Test(
        "Numbers are read from the words at the end of a title",
        arguments: [
            ("It holds (check 7)", [7]), ("It holds (checks 7, 9)", [7, 9]),
            ("x (checks 68–70) y", [68, 69, 70]),
            ("\"\"\"Check 7.", [7]), ("\"\"\"Checks 7, 9 and 11.", [7, 9, 11]),
            ("\"\"\"Check 7: it holds.", [7]),
            ("check 7", []), ("(checked 7 times)", []),
        ] as [(String, [Int])])
    func titles(text: String, numbers: [Int]) {
        #expect(Self.numbersNamed(in: text) == Set(numbers))
    }

    /// Of `(check 7)`, `(checks 7, 9)`, `(checks 68–70)`, and at the beginning of a docstring `Checks 7 and 9`.
    private static func numbersNamed(in text: String) -> Set<Int> {
        var numbers: Set<Int> = []
        // The text may begin with what is looked for.
        let text = (" " + text).replacing("\"\"\"Check", with: "(check")
        for part in text.split(separator: "(check").dropFirst() {
            let list = part.prefix { !").:;".contains($0) }.drop { $0 == "s" }
            guard list.first == " " else { continue }
            for item in list.replacing(" and ", with: ",").split(separator: ",") {
                let ends = item.split(separator: "–").compactMap { Int($0.filter { $0 != " " }) }
                if let first = ends.first, let last = ends.last, first <= last {
                    numbers.formUnion(first...last)
                }
            }
        }
        return numbers
    }

    private static var root: String {
        // Tests/ConformanceTests/CoverageTests.swift
        "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
    }

    /// All tests but this file.
    private static func testFiles() throws -> [String] {
        let folder = root + "/Tests"
        return try FileManager.default.subpathsOfDirectory(atPath: folder)
            .filter { $0.hasSuffix(".swift") || $0.hasSuffix(".py") }
            .map { folder + "/" + $0 }
            .filter { !$0.hasSuffix("/CoverageTests.swift") }
    }

    private static func text(of path: String) throws -> String {
        let data = try #require(FileManager.default.contents(atPath: path), "cannot read \(path)")
        return String(decoding: data, as: UTF8.self)
    }
}
