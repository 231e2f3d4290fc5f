// One parameter of a chat request: its type and range checked, with an error that names it.
// It must never turn one type into another.

/// A parameter as it stood in the body.
struct ChatField {
    let name: String
    let value: JSONTree

    func flag() throws(APIError) -> Bool {
        guard case .bool(let flag) = value else { throw .type(name, expected: "a boolean", got: value) }
        return flag
    }

    /// Text that is not empty.
    func text(maximum: Int) throws(APIError) -> String {
        guard case .string(let text) = value else { throw .type(name, expected: "a string", got: value) }
        guard !text.isEmpty else { throw .value(name, "it is empty.") }
        guard text.utf8.count <= maximum else { throw .value(name, "it is longer than \(maximum) bytes.") }
        return text
    }

    func integer(_ range: ClosedRange<Int64> = .min ... .max) throws(APIError) -> Int64 {
        guard case .integer(let integer) = value else {
            throw .type(name, expected: "an integer", got: value)
        }
        guard range.contains(integer) else {
            throw .value(name, "expected \(range.lowerBound) to \(range.upperBound), but got \(integer).")
        }
        return integer
    }

    func number(_ range: ClosedRange<Double>) throws(APIError) -> Double {
        let number: Double
        switch value {
        case .integer(let integer): number = Double(integer)
        case .decimal(let decimal): number = decimal
        default: throw .type(name, expected: "a number", got: value)
        }
        guard range.contains(number) else {
            throw .value(
                name, "expected \(Int(range.lowerBound)) to \(Int(range.upperBound)), but got \(number).")
        }
        return number
    }

    /// One text, or up to four, at which the answer ends.
    func stops() throws(APIError) -> [String] {
        switch value {
        case .string: return [try text(maximum: 1_024)]
        case .array(let items):
            guard items.count <= 4 else {
                throw .value(name, "at most 4 sequences are allowed, but got \(items.count).")
            }
            var stops: [String] = []
            for (i, item) in items.enumerated() {
                stops.append(try ChatField(name: "\(name)[\(i)]", value: item).text(maximum: 1_024))
            }
            return stops
        default: throw .type(name, expected: "a string or an array of strings", got: value)
        }
    }

    /// `stream_options`.
    func includeUsage() throws(APIError) -> Bool {
        guard case .object(let members) = value else { throw .type(name, expected: "an object", got: value) }
        var include = false
        for member in members {
            let field = ChatField(name: "\(name).\(member.key)", value: member.value)
            switch member.key {
            case _ where member.value == .null: continue
            case "include_usage": include = try field.flag()
            // Padding against traffic analysis; there is no network between this API and its client.
            case "include_obfuscation": _ = try field.flag()
            default: throw .unsupported("\(name).\(member.key.prefix(64))")
            }
        }
        return include
    }
}
