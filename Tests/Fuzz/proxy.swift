@testable import HTTP

// The PROXY header, versions 1 and 2. The first byte chooses the limit; the rest is what came.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzProxy(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = FuzzInput(data, count)
    guard let choice = input.first else { return 0 }
    let bytesMax = choice & 1 == 0 ? 536 : 107 + Int(choice)
    let bytes = Array(input.dropFirst())
    var verdict = ProxyHeader.Verdict.incomplete
    // Every end of a line of version 1, and of the fixed part of version 2; some behind it.
    let later = [bytes.count / 2, bytes.count - 1, bytes.count].filter { $0 > 40 }
    let ends = (0...min(bytes.count, 40)) + later
    for end in ends {
        let next = ProxyHeader.parse(Array(bytes[..<end]), bytesMax: bytesMax)
        switch verdict {
        case .incomplete: break
        case .complete, .invalid: precondition(next == verdict, "more bytes change a verdict")
        }
        verdict = next
        if case .complete(let length, _) = next {
            precondition(length <= end && length <= bytesMax, "a header ends past what came")
        }
    }
    return 0
}
