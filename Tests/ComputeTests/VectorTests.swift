import CKernels
import Compute
import Glibc
import TestSupport
import Testing

@Suite("The vector kernels") struct VectorTests {
    @Test("normalise, activate and rotate as their formulas say", arguments: [16, 64, 96, 576])
    func formulas(_ n: Int) {
        var random = SplitMix64(seed: UInt64(n))
        let x = floats(n, -4...4, &random)
        let y = floats(n, -4...4, &random)
        for kernels in allKernels {
            let table = kernels.table.pointee
            var out = [Float](repeating: 0, count: n)
            table.rms_norm(x, y, 1e-5, n, &out)
            let mean = x.reduce(0.0) { $0 + Double($1) * Double($1) } / Double(n)
            expect(out, x.indices.map { Double(x[$0]) / (mean + 1e-5).squareRoot() * Double(y[$0]) }, 1e-5)

            table.layer_norm(x, y, x, 1e-5, n, &out)
            let center = x.reduce(0.0) { $0 + Double($1) } / Double(n)
            let variance = x.reduce(0.0) { $0 + (Double($1) - center) * (Double($1) - center) } / Double(n)
            expect(
                out,
                x.indices.map { i in
                    (Double(x[i]) - center) / (variance + 1e-5).squareRoot() * Double(y[i]) + Double(x[i])
                }, 1e-5)

            out = x
            table.gelu_exact(&out, n)
            expect(out, x.map { 0.5 * Double($0) * (1 + erf(Double($0) / 2.0.squareRoot())) }, 1e-6)

            out = x
            table.silu_multiply(&out, y, n)
            expect(out, x.indices.map { Double(x[$0]) / (1 + exp(-Double(x[$0]))) * Double(y[$0]) }, 1e-5)

            out = x
            table.gelu_multiply(&out, y, n)
            expect(
                out,
                x.indices.map { i in
                    let a = Double(x[i])
                    return 0.5 * a * (1 + tanh((2 / Double.pi).squareRoot() * (a + 0.044715 * a * a * a)))
                        * Double(y[i])
                }, 1e-5)

            let angles = (0..<n / 2).map { Double($0) * 0.37 }
            let cosines = angles.map { Float(cos($0)) }
            let sines = angles.map { Float(sin($0)) }
            out = x
            table.rope_halves(&out, cosines, sines, n)
            expect(
                out,
                (0..<n).map { i in
                    let (a, b) = (Double(x[i % (n / 2)]), Double(x[i % (n / 2) + n / 2]))
                    let t = angles[i % (n / 2)]
                    return i < n / 2 ? a * cos(t) - b * sin(t) : a * sin(t) + b * cos(t)
                }, 1e-5)
            out = x
            table.rope_pairs(&out, cosines, sines, n)
            expect(
                out,
                (0..<n).map { i in
                    let (a, b) = (Double(x[i & ~1]), Double(x[i | 1]))
                    let t = angles[i / 2]
                    return i % 2 == 0 ? a * cos(t) - b * sin(t) : a * sin(t) + b * cos(t)
                }, 1e-5)
        }
    }

    /// Head dimensions, positions before the first column, columns, and window.
    /// Lengths around a multiple of 8 lanes.
    @Test("find, weigh and select logits as plain loops do", arguments: [1, 7, 8, 9, 40, 255, 256])
    func logits(_ n: Int) {
        var random = SplitMix64(seed: UInt64(n))
        var x = floats(n, -90...3, &random)
        if n > 8 { x[n / 2] = -.infinity }
        let maximum = x.max() ?? 0
        for kernels in allKernels {
            let table = kernels.table.pointee
            #expect(table.logits_maximum(x, n) == maximum)
            var weights = [Float](repeating: -1, count: n)
            let total = table.logits_weigh(x, n, maximum, 0.7, &weights)
            let exact = x.map { exp(Double(($0 - maximum) * 0.7)) }
            #expect(zip(weights, exact).allSatisfy { abs(Double($0) - $1) <= 4e-7 * $1 + 2e-38 })
            #expect(abs(Double(total) - exact.reduce(0, +)) <= 3e-6 * exact.reduce(0, +))
            #expect(table.logits_weigh(x, n, maximum, 0.7, nil) == total)
            for least in [-50, maximum, x[n - 1], .infinity, -.infinity] {
                var tokens = [UInt32](repeating: 0, count: n)
                let count = table.logits_select(x, n, least, 1000, &tokens)
                #expect(tokens[..<count].map { Int($0) - 1000 } == x.indices.filter { x[$0] >= least })
            }
        }
    }

    @Test("say NaN for logits that are no numbers, and weigh masked ones 0", arguments: [9, 256])
    func strangeLogits(_ n: Int) {
        for kernels in allKernels {
            let table = kernels.table.pointee
            for place in [0, 6, n - 1] {
                for bad in [Float.nan, -.nan, .infinity] {
                    var x = [Float](repeating: 1, count: n)
                    x[place] = bad
                    #expect(table.logits_maximum(x, n).isNaN)
                }
            }
            let masked = [Float](repeating: -.infinity, count: n)
            var weights = [Float](repeating: 1, count: n)
            #expect(table.logits_maximum(masked, n) == -.infinity)
            #expect(table.logits_weigh(masked, n, -.infinity, 1, &weights) == 0)
            #expect(weights.allSatisfy { $0 == 0 })
            // e^-87 is the last that counts, whatever the scale.
            let steps: [Float] = [0, -86.9, -87.1, -1e30]
            _ = table.logits_weigh(steps, 4, 0, 1, &weights)
            #expect(weights[0] == 1 && weights[1] > 0 && weights[2] == 0 && weights[3] == 0)
            _ = table.logits_weigh(steps, 4, 0, .greatestFiniteMagnitude, &weights)
            #expect(Array(weights[..<4]) == [1, 0, 0, 0])
        }
    }

    private func floats(_ n: Int, _ range: ClosedRange<Float>, _ random: inout SplitMix64) -> [Float] {
        (0..<n).map { _ in Float.random(in: range, using: &random) }
    }

    private func expect(
        _ found: [Float], _ expected: [Double], _ tolerance: Double,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let worst = zip(found, expected).map { abs(Double($0) - $1) / max(1, abs($1)) }.max() ?? 0
        #expect(worst <= tolerance, sourceLocation: sourceLocation)
    }
}
