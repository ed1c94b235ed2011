extension CallSyntax {
    /// The texts that begin and structure calls.
    var markers: [String] {
        let texts: [String] =
            switch self {
            case .objects(let calls): [calls.open, calls.close, Self.pythonTag]
            case .named(let calls):
                [
                    calls.open, calls.callOpen, calls.idEnd, calls.nameEnd, calls.idOpen, calls.callClose,
                    calls.close,
                ]
            case .tagged(let calls):
                [
                    calls.open, calls.close, calls.functionOpen, calls.nameEnd, calls.functionClose,
                    calls.parameterOpen, calls.keyEnd, calls.valueOpen, calls.parameterClose,
                ]
            case .pythonic(let calls): [calls.open, calls.close]
            case .gemma: [GemmaCallReader.open, GemmaCallReader.close, GemmaCallReader.quote]
            case .harmony: HarmonyAnswer.markers
            }
        return texts.filter { !$0.isEmpty }
    }

    /// Llama's token before calls of functions that it was trained with.
    static let pythonTag = "<|python_tag|>"

    /// How a call begins: what a forced call has the model go on from.
    ///
    /// - Parameters:
    ///   - name: The function; nil leaves the name to the model.
    ///   - id: The call's, where one comes before the name.
    func opening(name: String?, id: String) -> String {
        switch self {
        case .objects(let calls): Self.opening(calls, name)
        case .named(let calls):
            calls.open + calls.callOpen + (calls.idEnd.isEmpty ? "" : id + calls.idEnd)
                + (calls.hasIndexedNames ? "functions." : "")
                + (name.map { $0 + (calls.hasIndexedNames ? ":0" : "") + calls.nameEnd } ?? "")
        case .tagged(let calls):
            calls.open + (calls.functionOpen.isEmpty ? "" : "\n") + calls.functionOpen
                + (name.map { $0 + (calls.nameEnd.isEmpty ? "" : calls.nameEnd) + "\n" } ?? "")
        case .pythonic(let calls): calls.open + "[" + (name.map { $0 + "(" } ?? "")
        case .gemma: GemmaCallReader.open + "call:" + (name.map { $0 + "{" } ?? "")
        case .harmony: HarmonyAnswer.opening(name: name)
        }
    }

    private static func opening(_ calls: ObjectCalls, _ name: String?) -> String {
        let start = calls.open + calls.gap + (calls.isList ? "[" : "")
        guard !calls.nameIsKey else {
            return start + #"{""# + (name.map { $0 + #"":"# } ?? "")
        }
        // No space at the end: in most vocabularies it begins the token that follows.
        guard let name else { return start + calls.nameLead.trimmingEnd }
        return start + calls.nameLead + "\"" + name + "\"" + calls.argumentsLead
    }
}

extension String {
    /// Without the spaces at its end.
    fileprivate var trimmingEnd: String { hasSuffix(" ") ? String(dropLast()).trimmingEnd : self }
}
