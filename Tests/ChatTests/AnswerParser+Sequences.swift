@testable import Chat

extension AnswerParser {
    mutating func append(_ text: some Sequence<UInt8>, stopAfterCalls: Int = Int.max) -> [AnswerPiece] {
        append(Array(text), stopAfterCalls: stopAfterCalls)
    }
}
