import Glibc
import ModelFiles

/// What DRY takes from the logits of which tokens.
enum DryPenalty {
    /// The logarithm of the largest float.
    private static let exponentMax: Float = 88.7228

    /// - Parameter tokens: prompt and answer up to here.
    /// - Returns: by rising token.
    static func penalties(
        after tokens: [TokenID], _ parameters: DryParameters
    ) -> [(token: TokenID, penalty: Float)] {
        let start = max(0, tokens.count - (parameters.window ?? tokens.count))
        let window = tokens[start...]
        let limit = repetitionMax(window, parameters)
        guard window.count > parameters.allowedLength, limit >= parameters.allowedLength else { return [] }
        var longest: [TokenID: Int] = [:]
        for (distance, length) in suffixMatches(window).enumerated().dropFirst() {
            let length = min(length, limit)
            guard length >= parameters.allowedLength else { continue }
            // What followed the earlier run.
            let token = window[window.endIndex - distance]
            longest[token] = max(longest[token] ?? 0, length)
        }
        return longest.filter { !isBreaker($0.key, parameters) }.sorted { $0.key < $1.key }.map {
            ($0.key, penalty(length: $0.value, parameters))
        }
    }

    private static func penalty(length: Int, _ parameters: DryParameters) -> Float {
        let excess = Float(length - parameters.allowedLength)
        // Large, but a number.
        let exponent = min(excess * log(parameters.base), exponentMax - 1)
        return min(parameters.multiplier * exp(exponent), .greatestFiniteMagnitude / 2)
    }

    private static func isBreaker(_ token: TokenID, _ parameters: DryParameters) -> Bool {
        parameters.breakers[token]?.contains { $0.isEmpty } ?? false
    }

    /// Tokens behind the last breaker, which no repetition reaches across.
    private static func repetitionMax(_ window: ArraySlice<TokenID>, _ parameters: DryParameters) -> Int {
        guard !parameters.breakers.isEmpty else { return window.count }
        for behind in 0..<window.count {
            let place = window.endIndex - 1 - behind
            guard let tails = parameters.breakers[window[place]] else { continue }
            let following = window[(place + 1)...]
            let matches = tails.filter { following.starts(with: $0) }
            if let longest = matches.map(\.count).max() { return behind - longest }
        }
        return window.count
    }

    /// For each distance, how many of the tokens before that many last ones are the same as the last ones: the
    /// Z-algorithm (Gusfield 1997, section 1.3) from the end.
    private static func suffixMatches(_ window: ArraySlice<TokenID>) -> [Int] {
        let count = window.count
        func last(_ index: Int) -> TokenID { window[window.endIndex - 1 - index] }
        var lengths = [Int](repeating: 0, count: count)
        var (left, right) = (0, 0)  // the match that reaches furthest: left ..< right
        for distance in 1..<max(1, count) {
            var length = distance < right ? min(right - distance, lengths[distance - left]) : 0
            while distance + length < count, last(length) == last(distance + length) { length += 1 }
            lengths[distance] = length
            if distance + length > right { (left, right) = (distance, distance + length) }
        }
        return lengths
    }
}
