/// The Date field, written once a second (RFC 9110 §5.6.7, IMF-fixdate).
struct DateCache {
    private var second: Int?
    private var text: [UInt8] = []

    /// - Parameter second: Since 1970, UTC.
    mutating func text(at second: Int) -> [UInt8] {
        if second != self.second {
            text = Self.format(second)
            self.second = second
        }
        return text
    }

    private static let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// `Sun, 06 Nov 1994 08:49:37 GMT`
    static func format(_ second: Int) -> [UInt8] {
        let days = second / 86_400
        let time = second % 86_400
        let (year, month, day) = civil(days)
        let clock = [time / 3600, time / 60 % 60, time % 60].map(twoDigits).joined(separator: ":")
        return Array(
            "\(weekdays[days % 7]), \(twoDigits(day)) \(months[month - 1]) \(year) \(clock) GMT".utf8)
    }

    private static func twoDigits(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }

    /// Counts the years and months since 1970; called once a second.
    private static func civil(_ days: Int) -> (year: Int, month: Int, day: Int) {
        var rest = days
        var year = 1970
        while rest >= (isLeap(year) ? 366 : 365) {
            rest -= isLeap(year) ? 366 : 365
            year += 1
        }
        let lengths = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        var month = 0
        while rest >= lengths[month] {
            rest -= lengths[month]
            month += 1
        }
        return (year, month + 1, rest + 1)
    }

    private static func isLeap(_ year: Int) -> Bool {
        year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
    }
}
