import JSON
import ModelFiles

/// How the states of an input's tokens become one embedding.
public enum Pooling: String, Sendable, CaseIterable {
    /// Their mean.
    case mean
    /// The first one's, which is [CLS].
    case cls
    /// The last one's.
    case last

    /// Places of the tokens, of so many, whose states are taken.
    public func positions(of count: Int) -> Range<Int> {
        switch self {
        case .mean: 0..<count
        case .cls: 0..<1
        case .last: count - 1..<count
        }
    }
}

extension Pooling {
    /// What a GGUF file says in `{architecture}.pooling_type`, in llama.cpp's numbers. Without it, and where the choice
    /// is left open, the last: in a decoder only that token's state has seen all of the text.
    ///
    /// - Throws: for a pooling that is not known here, such as a ranking head; the error names the key.
    public init(_ metadata: GGUFMetadata) throws(ModelFileError) {
        let key = "\(try metadata.string("general.architecture")).pooling_type"
        switch try metadata.optionalInteger(key) {
        case nil, 0, 3: self = .last
        case 1: self = .mean
        case 2: self = .cls
        case let other?:
            throw metadata.error(key, "\(other); known: 0 (none), 1 (mean), 2 (CLS), 3 (last)")
        }
    }

    /// What sentence-transformers wrote beside the model; without it, the mean.
    init(_ folder: ModelFolder) throws(ModelFileError) {
        guard let config = try folder.optionalObject("1_Pooling/config.json") else {
            self = .mean
            return
        }
        let modes = config.filter { $0.key.hasPrefix("pooling_mode_") && $0.value.bool == true }.map(\.key)
        switch modes {
        case ["pooling_mode_mean_tokens"]: self = .mean
        case ["pooling_mode_cls_token"]: self = .cls
        case ["pooling_mode_lasttoken"]: self = .last
        default:
            throw ModelFileError(
                path: "\(folder.path)/1_Pooling/config.json", field: "pooling_mode",
                reason:
                    "\(modes.joined(separator: ", ")); known: mean_tokens, cls_token, lasttoken, one of them")
        }
    }
}
