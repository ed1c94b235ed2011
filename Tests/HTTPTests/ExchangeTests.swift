import Synchronization
import Testing

@testable import HTTP

private final class Owner: ExchangeOwner {
    let announcements = Atomic(0)
    let backUps = Atomic(0)
    func hasOutput(_ exchange: Exchange) { announcements.count() }
    func didBackUp(_ exchange: Exchange) { backUps.count() }
    var executor: (any TaskExecutor)? { nil }
    var count: Int { announcements.load(ordering: .relaxed) }
}

private final class Calls: Sendable {
    private let calls = Atomic(0)
    func add() { calls.count() }
    var count: Int { calls.load(ordering: .relaxed) }
}

@Suite("Exchange between handler and connection")
struct ExchangeTests {
    private let owner = Owner()
    private let calls = Calls()

    private func makeExchange() -> Exchange { Exchange(owner: owner, highWaterBytes: 100, lowWaterBytes: 10) }

    @Test("What is written before the connection comes round is one output, announced once")
    func coalescing() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        #expect(writer.beginStream())
        #expect(writer.write([1]))
        #expect(writer.write([2]))
        #expect(owner.count == 1)
        let first = exchange.takeOutput()
        #expect(first.head?.body == .stream)
        #expect(first.body == [1, 2])
        #expect(!first.isFinished)
        #expect(writer.write([3]))
        #expect(writer.finish())
        #expect(owner.count == 2)
        let second = exchange.takeOutput()
        #expect(second.head == nil)
        #expect(second.body == [3])
        #expect(second.isFinished)
    }

    @Test("What is written next goes into the memory that was left for it")
    func leftMemory() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        writer.beginStream()
        writer.write([1])
        var memory: [UInt8] = []
        memory.reserveCapacity(100)
        #expect(exchange.takeOutput(leaving: memory).body == [1])
        memory = []
        writer.write([2, 3])
        let next = exchange.takeOutput()
        #expect(next.body == [2, 3])
        #expect(next.body.capacity >= 100)
    }

    @Test("What comes too late is refused")
    func late() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        #expect(!writer.write([1]))
        #expect(!writer.finish())
        #expect(writer.beginStream())
        #expect(!writer.beginStream())
        #expect(!writer.respond(.text("x")))
        #expect(writer.finish())
        #expect(!writer.write([1]))
        #expect(!writer.finish())
    }

    @Test("A stream counts as backed up from the high mark until it is under the low one")
    func backPressure() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        writer.onDrain { [calls] in calls.add() }
        writer.beginStream()
        writer.write([UInt8](repeating: 0, count: 99))
        #expect(!writer.isBackedUp)
        writer.write([0])
        #expect(writer.isBackedUp)
        _ = exchange.takeOutput()
        exchange.report(heldBytes: 10)
        #expect(writer.isBackedUp)
        exchange.report(heldBytes: 9)
        #expect(!writer.isBackedUp)
        #expect(calls.count == 1)
        exchange.report(heldBytes: 0)
        #expect(calls.count == 1)
    }

    @Test("Who waits for a backed-up stream is called once: when it flows or closes, or at once")
    func flowing() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        exchange.onceFlowing { [calls] in calls.add() }
        #expect(calls.count == 1)
        writer.beginStream()
        writer.write([UInt8](repeating: 0, count: 100))
        #expect(owner.backUps.load(ordering: .relaxed) == 1)
        exchange.onceFlowing { [calls] in calls.add() }
        _ = exchange.takeOutput()
        exchange.report(heldBytes: 10)
        #expect(calls.count == 1)
        exchange.report(heldBytes: 9)
        exchange.report(heldBytes: 0)
        #expect(calls.count == 2)
        writer.write([UInt8](repeating: 0, count: 100))
        #expect(owner.backUps.load(ordering: .relaxed) == 2)
        exchange.onceFlowing { [calls] in calls.add() }
        exchange.close()
        #expect(calls.count == 3)
        exchange.onceFlowing { [calls] in calls.add() }
        #expect(calls.count == 4)
    }

    @Test("A stream that ends while it is backed up lets go of who waits")
    func endsBackedUp() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        writer.beginStream()
        writer.write([UInt8](repeating: 0, count: 100))
        exchange.onceFlowing { [calls] in calls.add() }
        writer.finish()
        _ = exchange.takeOutput()
        #expect(calls.count == 1)
    }

    @Test(
        "A client that goes is told to the handler once, at once when it asks later, and everything is refused"
    )
    func closing() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        writer.onClose { [calls] in calls.add() }
        writer.beginStream()
        exchange.close()
        exchange.close()
        #expect(calls.count == 1)
        #expect(writer.isClosed)
        #expect(!writer.write([1]))
        writer.onClose { [calls] in calls.add() }
        #expect(calls.count == 2)
    }

    @Test("A response that was handed over whole closes nothing")
    func complete() {
        let exchange = makeExchange()
        let writer = ResponseWriter(exchange)
        writer.onClose { [calls] in calls.add() }
        writer.respond(.text("x"))
        #expect(exchange.takeOutput().isFinished)
        exchange.close()
        #expect(calls.count == 0)
    }

    @Test("A writer that is let go answers 500, or cuts the stream that it began")
    func dropped() {
        let silent = makeExchange()
        _ = ResponseWriter(silent)
        #expect(silent.takeOutput().head?.status == .internalServerError)
        let streaming = makeExchange()
        do {
            let writer = ResponseWriter(streaming)
            writer.beginStream()
        }
        let output = streaming.takeOutput()
        #expect(output.isAborted)
        #expect(!output.isFinished)
    }
}
