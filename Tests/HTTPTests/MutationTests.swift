import Testing
import WireChecks

@testable import HTTP

@Suite("Damaged requests")
struct MutationTests {
    /// Every short row of the tables.
    private static let seeds = WireTables.all.map(\.bytes).filter { (1..<2_000).contains($0.count) }

    private static let telling: [UInt8] = Array("\r\n \t:;,=\"%#?/[]0159afAF\0+-".utf8) + [0x7F, 0x80, 0xFF]

    @Test(
        "Whatever is done to a request, the parser ends where it should, and cutting the bytes changes nothing"
    )
    func mutations() {
        var random = SmallRandom(seed: 7)
        for round in 0..<3_000 {
            var bytes = Self.seeds[round % Self.seeds.count]
            for _ in 0...Int(random.next(4)) { mutate(&bytes, &random) }
            let whole = Outcome.of([bytes[...]])
            let cut = Int(random.next(UInt64(bytes.count + 1)))
            #expect(Outcome.of([bytes[..<cut], bytes[cut...]]) == whole, "\(bytes)")
            #expect(Outcome.of(bytes.indices.map { bytes[$0...$0] }) == whole, "\(bytes)")
        }
    }

    @Test("Whatever comes, in whatever pieces, a machine says one thing at a time and never runs ahead")
    func machines() {
        var random = SmallRandom(seed: 5)
        for round in 0..<3_000 {
            var driven = Driven()
            driven.refusedPaths = ["/v1/models"]
            let other = Int(random.next(UInt64(Self.seeds.count)))
            var bytes = Self.seeds[round % Self.seeds.count] + Self.seeds[other]
            for _ in 0..<Int(random.next(4)) { mutate(&bytes, &random) }
            while !bytes.isEmpty, driven.machine.inputCapacity > 0 {
                let count = min(bytes.count, 1 + Int(random.next(40)))
                driven.send(Array(bytes[..<count]))
                bytes.removeFirst(count)
                if driven.machine.phase == .closing { driven.machine.didSendAll() }
            }
            if let refusal = driven.log.firstIndex(where: { $0.hasPrefix("refuse") }) {
                let rest = driven.log[(refusal + 1)...]
                #expect(rest.allSatisfy { $0 == "close" }, "\(rest) follows a refusal")
            }
            switch random.next(3) {
            case 0: driven.machine.receiveEnd()
            case 1: if let action = driven.machine.timeOut() { driven.perform(action) }
            default: if let action = driven.machine.drain(isAllSent: true) { driven.perform(action) }
            }
            driven.run()
            #expect(driven.machine.phase != .serving)
        }
    }

    private func mutate(_ bytes: inout [UInt8], _ random: inout SmallRandom) {
        guard !bytes.isEmpty else { return }
        let place = Int(random.next(UInt64(bytes.count)))
        let byte = Self.telling[Int(random.next(UInt64(Self.telling.count)))]
        switch random.next(6) {
        case 0: bytes.remove(at: place)
        case 1: bytes[place] = byte
        case 2: bytes.insert(byte, at: place)
        case 3: bytes[place] = UInt8(truncatingIfNeeded: random.next(256))
        case 4: bytes.insert(contentsOf: bytes[place...].prefix(20), at: place)
        default: bytes.removeSubrange(place..<min(bytes.count, place + 5))
        }
    }
}

/// A generator whose run can be repeated (xorshift64).
struct SmallRandom {
    private var state: UInt64

    init(seed: UInt64) { state = seed | 1 }

    mutating func next(_ bound: UInt64) -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state % bound
    }
}
