/// One step of a document as `JSONReader` meets it.
public enum JSONToken: Sendable, Equatable {
    case beginObject, endObject, beginArray, endArray
    /// A member's name; its value follows.
    case key(String)
    case string(String)
    /// A number written without fraction and exponent that fits 64 bits.
    case int(Int64)
    /// Any other number, correctly rounded; always finite.
    case number(Double)
    case bool(Bool)
    case null
}
