import Testing

@testable import HTTP

@Suite("Route patterns")
struct RoutePatternTests {
    @Test(
        "A literal is matched byte by byte: the Kelvin sign is no K, though Swift calls the two equal (check 23)"
    )
    func bytes() {
        #expect("\u{212A}" == "K")
        #expect(RoutePattern("/K").match(["K"]) != nil)
        #expect(RoutePattern("/K").match(["\u{212A}"]) == nil)
        #expect(RoutePattern("/{name}").match(["\u{212A}"])?["name"]?.utf8.count == 3)
    }
}
