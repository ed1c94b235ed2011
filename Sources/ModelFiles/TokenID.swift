/// A token of a vocabulary: its index, 0 ..< vocabulary size.
public typealias TokenID = Int32
