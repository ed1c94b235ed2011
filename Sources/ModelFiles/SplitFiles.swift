/// The names of the files of a split model, as llama.cpp's gguf-split writes them:
/// `name-00001-of-00003.gguf`, numbered from 1.
struct SplitFiles {
    /// Everything before `-00001-of-00003.gguf`, with its directory.
    let prefix: String
    let count: Int

    /// nil when the path does not end as the name of one file of `count` does.
    init?(path: String, count: Int) {
        let suffixLength = Self.suffix(0, count).utf8.count
        let prefix = String(decoding: path.utf8.dropLast(suffixLength), as: UTF8.self)
        guard (0..<count).contains(where: { path == prefix + Self.suffix($0, count) }) else { return nil }
        self.prefix = prefix
        self.count = count
    }

    /// The path of one part, numbered from 0.
    func path(_ part: Int) -> String { prefix + Self.suffix(part, count) }

    /// How the name of the first of `count` files ends, for errors.
    static func example(count: Int) -> String { suffix(0, count) }

    private static func suffix(_ part: Int, _ count: Int) -> String {
        "-\(fiveDigits(part + 1))-of-\(fiveDigits(count)).gguf"
    }

    private static func fiveDigits(_ number: Int) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 5 - digits.utf8.count)) + digits
    }
}
