// Unknown keys in the entries of a list, with the nearest known one.
// It must never be used for sections that are laid over defaults: those are checked as trees.

/// Entries of lists are not laid over defaults, so that unknown keys are found here.
enum StrictKeys {
    private struct AnyKey: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }
        init(stringValue: String) { self.stringValue = stringValue }
        init?(intValue: Int) { nil }
    }

    static func check(_ decoder: any Decoder, _ known: [String]) throws {
        for key in try decoder.container(keyedBy: AnyKey.self).allKeys where !known.contains(key.stringValue)
        {
            throw DecodingError.dataCorrupted(
                DecodingError.Context(
                    codingPath: decoder.codingPath + [key],
                    debugDescription: "is not a known key. \(Spelling.advice(key.stringValue, known))"))
        }
    }
}
