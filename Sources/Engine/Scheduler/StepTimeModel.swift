/// What a step costs depends on these.
struct StepWork: Equatable, Sendable {
    var columns = 0
    /// Columns whose logits are wanted.
    var outputs = 0
    /// Positions that the columns attend to, summed.
    var attended = 0

    mutating func add(count: Int, position: Int, drawsNext: Bool) {
        columns += count
        outputs += drawsNext ? 1 : 0
        attended += count * position + count * (count + 1) / 2
    }
}

/// How long a step takes: `a + b · columns + c · outputs + d · attended`, fitted while the engine runs.
///
/// Recursive least squares of the relative error, so that short steps count as much as long ones and a step that
/// lost the processor for a while has little weight. What is forgotten is only what a new step says something
/// about (directional forgetting, Cao and Schwartz 2000): a thousand equal decode steps do not wash away what
/// a prefill chunk costs.
struct StepTimeModel: Sendable {
    /// Weight that the past keeps, in the direction of a new observation.
    private static let memory = 0.95
    /// Weight of the first guess, as a fraction of one observation.
    private static let guessWeight = 0.05
    /// Steps that must be seen before predictions are worth something.
    private static let observationsMin = 2

    /// Base, column, output, thousand attended positions. Seconds.
    private var costs = Array(repeating: 0.0, count: 4)
    /// The inverse of the costs' covariance. [4][4]
    private var information = Array(repeating: Array(repeating: 0.0, count: 4), count: 4)
    private var observations = 0

    var isFitted: Bool { observations >= Self.observationsMin }

    /// Seconds that a step is going to take; 0 while nothing is known.
    func seconds(_ work: StepWork) -> Double {
        zip(features(work), costs).reduce(0) { $0 + $1.0 * max(0, $1.1) }
    }

    /// Columns of a sequence, from `position` on, that take so many seconds beside others.
    func columns(fitting seconds: Double, position: Int, max most: Int) -> Int {
        guard isFitted, seconds > 0 else { return 0 }
        // c/2 n² + (b + c · position) n = seconds
        let column = max(0, costs[1])
        let attended = max(0, costs[3]) / 1000
        let linear = column + attended * Double(position)
        let count: Double
        if attended > 0 {
            count = ((linear * linear + 2 * attended * seconds).squareRoot() - linear) / attended
        } else if linear > 0 {
            count = seconds / linear
        } else {
            return most
        }
        return count >= Double(most) ? most : Int(count)
    }

    mutating func observe(_ work: StepWork, seconds: Double) {
        guard work.columns > 0, seconds > 0, seconds.isFinite else { return }
        if observations == 0 { guess(work, seconds) }
        observations += 1
        let relative = features(work).map { $0 / seconds }
        let known = product(information, relative)
        let weight = dot(relative, known)
        for row in 0..<4 {
            for column in 0..<4 {
                if weight > 0 {
                    information[row][column] -= (1 - Self.memory) * known[row] * known[column] / weight
                }
                information[row][column] += relative[row] * relative[column]
            }
        }
        let error = 1 - dot(relative, costs)
        guard let gain = solve(information, relative) else { return }
        for index in 0..<4 { costs[index] += gain[index] * error }
    }

    /// Before anything is known: all of the first step's time went into its columns.
    private mutating func guess(_ work: StepWork, _ seconds: Double) {
        let features = features(work)
        costs[1] = seconds / features[1]
        for index in 0..<4 {
            let scale = features[index] > 0 ? features[index] / seconds : 1 / seconds
            information[index][index] = Self.guessWeight * scale * scale
        }
    }

    private func features(_ work: StepWork) -> [Double] {
        [1, Double(work.columns), Double(work.outputs), Double(work.attended) / 1000]
    }

    private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

    private func product(_ matrix: [[Double]], _ vector: [Double]) -> [Double] {
        matrix.map { dot($0, vector) }
    }

    /// Solves a symmetric positive definite system by elimination; nil when it is singular.
    private func solve(_ matrix: [[Double]], _ vector: [Double]) -> [Double]? {
        var (matrix, vector) = (matrix, vector)
        for pivot in 0..<4 {
            guard matrix[pivot][pivot] > 0 else { return nil }
            for row in pivot + 1..<4 {
                let factor = matrix[row][pivot] / matrix[pivot][pivot]
                for column in pivot..<4 { matrix[row][column] -= factor * matrix[pivot][column] }
                vector[row] -= factor * vector[pivot]
            }
        }
        for row in (0..<4).reversed() {
            for column in row + 1..<4 { vector[row] -= matrix[row][column] * vector[column] }
            vector[row] /= matrix[row][row]
        }
        return vector
    }
}
