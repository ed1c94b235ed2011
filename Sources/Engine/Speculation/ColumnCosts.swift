/// How long steps of few columns take, as lately measured: not proportional to the columns, because kernels have
/// widths that suit them.
struct ColumnCosts {
    static let columnsMax = 16
    /// What another column costs where nothing is known, as a part of the first: little, so that it is tried.
    private static let guess = 0.25
    /// Weights of the newest measurement: a step may lose the processor, but never takes less than it needs.
    private static let weightOfFaster = 0.5
    private static let weightOfSlower = 0.05
    /// Measurements that it takes to say that a width costs more than was guessed.
    private static let trialsMin = 4
    /// Measurements of other widths after which one is forgotten, because contexts grow and other work comes and goes.
    private static let lifetime = 256

    private struct Entry {
        var seconds = 0.0
        var count = 0
        var age = 0
    }

    /// [columns]
    private var entries = Array(repeating: Entry(), count: columnsMax + 1)

    mutating func observe(columns: Int, seconds: Double) {
        guard 1...Self.columnsMax ~= columns, seconds > 0 else { return }
        for index in entries.indices {
            entries[index].age += 1
            if entries[index].age > Self.lifetime { entries[index] = Entry() }
        }
        entries[columns].age = 0
        entries[columns].count += 1
        let change = seconds - entries[columns].seconds
        let weight = change < 0 ? Self.weightOfFaster : Self.weightOfSlower
        entries[columns].seconds += change * (entries[columns].count == 1 ? 1 : weight)
    }

    /// Of 1 ... `columnsMax` columns; a guess where little was measured.
    func seconds(_ columns: Int) -> Double {
        let entry = entries[columns]
        guard entry.count > 0 else { return guess(columns) }
        return entry.count < Self.trialsMin ? min(entry.seconds, guess(columns)) : entry.seconds
    }

    /// Between what was measured of other widths, or little more than of fewer columns.
    private func guess(_ columns: Int) -> Double {
        let below = entries[..<columns].lastIndex { $0.count > 0 }
        let above = entries[(columns + 1)...].firstIndex { $0.count > 0 }
        switch (below, above) {
        case (let below?, let above?):
            let part = Double(columns - below) / Double(above - below)
            return entries[below].seconds + part * (entries[above].seconds - entries[below].seconds)
        case (let below?, nil):
            return entries[below].seconds * (1 + Self.guess * Double(columns - below) / Double(below))
        case (nil, let above?): return entries[above].seconds * Double(columns) / Double(above)
        case (nil, nil): return 1 + Self.guess * Double(columns - 1)
        }
    }
}
