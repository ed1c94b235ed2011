import Testing

@testable import Models

@Suite("Pieces") struct PiecesTests {
    @Test(arguments: [true, false])
    func `hand out everything once, in whole units`(isOneGroup: Bool) {
        for unit in 1...2 {
            for threads in 1...5 {
                for total in 0...130 {
                    let pieces = Pieces(total: total, unit: unit, threads: threads, isOneGroup: isOneGroup)
                    var ranges = (0..<threads).map(pieces.own)
                    var index = 0
                    while !pieces.piece(index).isEmpty {
                        ranges.append(pieces.piece(index))
                        index += 1
                    }
                    #expect(ranges.flatMap(Array.init) == Array(0..<total), "\(total) for \(threads)")
                    #expect(ranges.allSatisfy { $0.lowerBound % unit == 0 || $0.isEmpty })
                }
            }
        }
    }

    @Test func `leave small pieces for the end when all columns pass together`() {
        let pieces = Pieces(total: 72, unit: 2, threads: 2, isOneGroup: true)
        #expect(pieces.own(0) == 0..<26)
        #expect(pieces.own(1) == 26..<52)
        #expect(pieces.piece(0) == 52..<54)
    }
}
