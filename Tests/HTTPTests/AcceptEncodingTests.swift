import Testing

@testable import HTTP

@Suite("Accept-Encoding")
struct AcceptEncodingTests {
    @Test(
        "The coding is the one with the highest quality, gzip before deflate (check 38)",
        arguments: [
            (nil, .identity), ("", .identity), ("gzip", .gzip), ("deflate", .deflate), ("br", .identity),
            ("deflate, gzip", .gzip), ("GZIP", .gzip), ("x-gzip", .gzip), ("gzip, deflate, br, zstd", .gzip),
            ("gzip;q=0", .identity), ("gzip;q=0, deflate", .deflate), ("gzip;q=0.000", .identity),
            ("gzip;q=0.5, deflate;q=0.8", .deflate), ("gzip; q=0.5 , deflate ;q=0.5", .gzip),
            ("identity;q=0", .identity), ("identity;q=0, gzip;q=0.1", .gzip),
            ("identity, gzip;q=0.5", .identity),
            ("identity;q=0.5, gzip", .gzip), ("gzip;q=0.5, identity;q=0.5", .gzip),
            ("*", .gzip), ("*;q=0", .identity), ("*, gzip;q=0", .deflate), ("*;q=0, gzip", .gzip),
            ("*;q=0.1, deflate;q=0.2", .deflate), ("gzip;q=1.000", .gzip), ("gzip;Q=1", .gzip),
            // What cannot be read is passed over.
            ("gzip;q=1.001", .identity), ("gzip;q=2", .identity), ("gzip;q=", .identity),
            ("gzip;q=.5", .identity),
            ("gzip;q=0.1234", .identity), ("gzip;q=+1", .identity), ("gzip;level=1", .identity),
            (",, ;q=1,gzip", .gzip), ("gzip;q=-1, deflate", .deflate),
        ] as [(String?, ContentCoding)])
    func choice(field: String?, coding: ContentCoding) {
        #expect(AcceptEncoding.choose(field.map { Array($0.utf8)[...] }) == coding)
    }
}
