@testable import HTTP

// The request parser and the connection machine. The first byte chooses the limits and a place to cut; the rest is what
// a client sends.

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzRequest(_ data: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = FuzzInput(data, count)
    guard let choice = input.first else { return 0 }
    let bytes = Array(input.dropFirst())
    let limits = choice & 1 == 0 ? HTTPLimits() : .tight
    let whole = WireOutcome.of([bytes[...]], limits: limits)
    let cut = Int(choice >> 1) * bytes.count / 127
    precondition(
        WireOutcome.of([bytes[..<cut], bytes[cut...]], limits: limits) == whole, "a cut changes the outcome")
    if bytes.count <= 256 {
        let single = WireOutcome.of(bytes.indices.map { bytes[$0...$0] }, limits: limits)
        precondition(single == whole, "single bytes change the outcome")
    }
    checkMachine(bytes, step: 1 + Int(choice >> 1), limits: limits)
    return 0
}

/// The machine over the same bytes, with a caller that answers at once: it says one thing at a time, holds no more than
/// it may, and is never left serving.
private func checkMachine(_ bytes: [UInt8], step: Int, limits: HTTPLimits) {
    var machine = ConnectionMachine(limits: limits)
    var output: [UInt8] = []
    var rest = bytes[...]
    var refusals = 0
    while !rest.isEmpty, machine.inputCapacity > 0 {
        let piece = Array(rest.prefix(min(step, machine.inputCapacity)))
        rest = rest.dropFirst(piece.count)
        machine.receive(piece.span)
        refusals += run(&machine, &output, limits)
        if machine.phase == .closing { machine.didSendAll() }
    }
    machine.receiveEnd()
    refusals += run(&machine, &output, limits)
    precondition(refusals <= 1, "more than one request was refused")
    precondition(machine.phase != .serving, "a request was left without its answer")
}

/// - Returns: How many requests were refused.
private func run(_ machine: inout ConnectionMachine, _ output: inout [UInt8], _ limits: HTTPLimits) -> Int {
    var refusals = 0
    while let action = machine.next() {
        switch action {
        case .head:
            do throws(WireError) {
                try machine.accept(bodyBytesMax: limits.bodyBytesMax)
            } catch {
                refusals += 1
                answer(&machine, error.fault.status, &output)
            }
        case .request(let body):
            precondition(body.count <= limits.bodyBytesMax, "a larger body than is allowed")
            answer(&machine, .ok, &output)
        case .refuse(let error):
            refusals += 1
            answer(&machine, error.fault.status, &output)
        case .sendContinue: break
        case .close: return refusals
        }
    }
    return refusals
}

private func answer(_ machine: inout ConnectionMachine, _ status: HTTPStatus, _ output: inout [UInt8]) {
    precondition(machine.phase == .serving, "there is nothing to answer")
    output.removeAll(keepingCapacity: true)
    machine.begin(
        ResponseStart(status: status, headers: [:], body: .whole), bodyBytes: 0, date: [], requestID: "r",
        into: &output)
    machine.end(into: &output)
}
