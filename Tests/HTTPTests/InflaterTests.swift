import Testing

@testable import HTTP

/// Letters by chance, of four: they pack to about a third.
func textBytes(_ count: Int) -> [UInt8] {
    var state: UInt32 = 1
    return (0..<count).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        return 97 + UInt8(truncatingIfNeeded: state >> 30)
    }
}

@Suite("Packing and unpacking")
struct InflaterTests {
    /// What a machine makes of a packed body that comes in pieces: its request, or the refusal.
    private func log(
        _ packed: [UInt8], coding: String = "gzip", pieces: Int = .max, limits: HTTPLimits = HTTPLimits(),
        bodyBytesMax: Int = 1 << 20
    ) -> String {
        var driven = Driven(limits: limits)
        driven.bodyBytesMax = bodyBytesMax
        driven.send(
            "POST / HTTP/1.1\r\nHost: h\r\nContent-Encoding: \(coding)\r\nContent-Length: \(packed.count)\r\n\r\n"
        )
        var rest = packed[...]
        while !rest.isEmpty {
            driven.send(Array(rest.prefix(pieces)))
            rest = rest.dropFirst(pieces)
        }
        return driven.log.dropFirst().joined(separator: ", ")
    }

    @Test("What is packed comes out as it was, however it is cut", arguments: ["gzip", "x-gzip", "Deflate"])
    func roundTrip(coding: String) throws {
        let text = textBytes(70_000)
        let name = try #require(ContentCoding(Array(coding.utf8)[...]))
        let packed = try #require(Deflater.whole(text, name))
        #expect(packed.count < text.count / 2)
        let expected = "request [\(String(decoding: text, as: UTF8.self))]"
        for pieces in [1, 7, 1_000, .max] {
            // Not the texts themselves: nobody could read such a failure.
            let isSame = log(packed, coding: coding, pieces: pieces) == expected
            #expect(isSame, "in pieces of \(pieces)")
        }
    }

    @Test("Members that follow each other are one body; what follows zlib's format is refused")
    func members() throws {
        for (coding, outcome) in [(ContentCoding.gzip, "request [aab]"), (.deflate, "refuse 400")] {
            let one = try #require(Deflater.whole(Array("aa".utf8), coding))
            let other = try #require(Deflater.whole(Array("b".utf8), coding))
            #expect(log(one + other, coding: try #require(coding.name)) == outcome)
            #expect(log(one + other, coding: try #require(coding.name), pieces: 1) == outcome)
            #expect(log(one + [0], coding: try #require(coding.name)) == "refuse 400")
        }
    }

    @Test("A body that is cut short, damaged or in another format is refused with 400")
    func damage() throws {
        let packed = try #require(Deflater.whole(textBytes(500), .gzip))
        for count in [1, 5, 10, packed.count - 1] {
            #expect(log(Array(packed.prefix(count))) == "refuse 400")
        }
        var wrong = packed
        wrong[packed.count - 5] ^= 1  // of its checksum
        #expect(log(wrong) == "refuse 400")
        #expect(log(packed, coding: "deflate") == "refuse 400")
        #expect(log(Array("{\"plain\": true}".utf8)) == "refuse 400")
    }

    @Test("Each single damaged byte gives a request or a refusal, and no more than the limit")
    func mutations() throws {
        let packed = try #require(Deflater.whole(textBytes(300), .gzip))
        for index in packed.indices {
            for bit in 0..<8 {
                var wrong = packed
                wrong[index] ^= 1 << UInt8(bit)
                let outcome = log(wrong, bodyBytesMax: 1_000)
                #expect(outcome.hasPrefix("request") || outcome.hasPrefix("refuse 4"), "byte \(index)")
            }
        }
    }

    @Test("The unpacked body may have the limit, and not one byte more (check 65)")
    func size() throws {
        let packed = try #require(Deflater.whole(textBytes(5_000), .gzip))
        #expect(log(packed, bodyBytesMax: 5_000).hasPrefix("request"))
        #expect(log(packed, bodyBytesMax: 4_999) == "refuse 413")
        #expect(log(packed, pieces: 1, bodyBytesMax: 4_999) == "refuse 413")
    }

    @Test("Beyond the free bytes the ratio counts, to the limit and not one past it (check 65)")
    func ratio() throws {
        let zeros = [UInt8](repeating: 0x30, count: 10_000)
        let packed = try #require(Deflater.whole(zeros, .gzip))
        let ratio = (zeros.count + packed.count - 1) / packed.count
        for (free, max, isTaken) in [
            (0, ratio, true), (0, ratio - 1, false), (9_999, ratio - 1, false), (10_000, ratio - 1, true),
        ] {
            var limits = HTTPLimits()
            limits.inflatedBytesFree = free
            limits.inflationRatioMax = max
            let outcome = log(packed, limits: limits)
            let isRequest = outcome.hasPrefix("request")
            #expect(isRequest == isTaken, "\(free), \(max): \(outcome.prefix(20))")
            let isRefused = outcome == "refuse 413"
            #expect(isRefused != isTaken)
        }
    }

    @Test("A zip bomb is refused long before it has unfolded (check 65)")
    func bomb() throws {
        let bomb = try #require(Deflater.whole([UInt8](repeating: 0, count: 40 << 20), .gzip))
        #expect(bomb.count < 200_000)
        let inflater = try #require(Inflater(.gzip, bytesMax: 32 << 20, limits: HTTPLimits()))
        var body: [UInt8] = []
        var taken = 0
        var fault: WireError.Fault?
        do throws(WireError) {
            for piece in stride(from: 0, to: bomb.count, by: 1_000) {
                taken = min(piece + 1_000, bomb.count)
                try inflater.append(bomb[piece..<taken], to: &body)
            }
        } catch {
            fault = error.fault
        }
        #expect(fault == .inflationRatio)
        #expect(taken <= 1_000 && body.count <= 100 * taken + 16_384)
    }

    @Test("A body that is dropped is not unpacked")
    func dropped() {
        var driven = Driven()
        driven.send(
            "GET / HTTP/1.1\r\nHost: h\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"
                + "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n")
        #expect(driven.log == ["head /", "request []", "head /2", "request []"])
    }

    @Test("What each write put in can be read at the other end at once")
    func streams() throws {
        for coding in [ContentCoding.gzip, .deflate] {
            let deflater = try #require(Deflater(coding, .stream))
            let inflater = try #require(Inflater(coding, bytesMax: 1 << 20, limits: HTTPLimits()))
            var body: [UInt8] = []
            for number in 0..<100 {
                let text = Array("data: {\"number\": \(number)}\n\n".utf8)
                var packed: [UInt8] = []
                deflater.append(text, .sync, to: &packed)
                let before = body.count
                try inflater.append(packed[...], to: &body)
                #expect(Array(body[before...]) == text)
            }
            var end: [UInt8] = []
            deflater.append([], .finish, to: &end)
            try inflater.append(end[...], to: &body)
            try inflater.end()
        }
    }
}
