extension Duration {
    /// Whole nanoseconds, from zero to half of what a clock reading can hold.
    var nanoseconds: UInt64 {
        let (seconds, attoseconds) = components
        guard seconds >= 0, attoseconds >= 0 else { return 0 }
        guard seconds < 9_000_000_000 else { return .max / 2 }
        return UInt64(seconds) * 1_000_000_000 + UInt64(attoseconds / 1_000_000_000)
    }

    var inSeconds: Double { Double(nanoseconds) * 1e-9 }
}
