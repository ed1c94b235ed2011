/// Standard input as a whole.
enum StandardInput {
    static let bytesMax = 64 << 20

    static func readAll() throws(ServiceError) -> String {
        do throws(FileReadError) {
            return try SmallFile.read("/dev/stdin", bytesMax: bytesMax)
        } catch {
            throw ServiceError("cannot read standard input: \(error)")
        }
    }
}
