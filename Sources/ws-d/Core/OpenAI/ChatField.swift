// One parameter of a chat request: its type and range checked, with an error that names it.
// It must never turn one type into another.

import NodeModel

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

    /// A name of letters of ASCII, digits, `_` and `-`.
    func plainName() throws(APIError) -> String {
        let text = try text(maximum: ToolLimits.longestName)
        guard ToolLimits.isName(text) else {
            throw .value(name, "it may have letters of ASCII, digits, '_' and '-' only.")
        }
        return text
    }

    /// A JSON Schema as it stood; what else is asked of one is exec-d's to say.
    func schema() throws(APIError) -> String {
        guard case .object = value else { throw .type(name, expected: "an object", got: value) }
        let text = value.text
        guard text.utf8.count <= AnswerFormat.longestSchema else {
            throw .value(name, "it is longer than \(AnswerFormat.longestSchema) bytes.")
        }
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

    /// What is added to tokens, by their numbers; nil when it is to none.
    func biases() throws(APIError) -> [String: Double]? {
        let members = try value.members(name)
        guard members.count <= 300 else {
            throw .value(name, "at most 300 tokens are allowed, but got \(members.count).")
        }
        var biases: [String: Double] = [:]
        for (token, bias) in members {
            guard let id = Int32(token), id >= 0, String(id) == token else {
                throw .value(name, "its keys must be the numbers of tokens.")
            }
            biases[token] = try ChatField(name: "\(name).\(token)", value: bias).number(-100...100)
        }
        return biases.isEmpty ? nil : biases
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

extension JSONTree {
    /// What an object has, by name.
    func members(_ place: String) throws(APIError) -> [String: JSONTree] {
        guard case .object(let members) = self else { throw .type(place, expected: "an object", got: self) }
        return Dictionary(members.map { ($0.key, $0.value) }) { first, _ in first }
    }
}

extension [String: JSONTree] {
    /// Refuses members that nobody here knows, unless they say nothing.
    func only(_ known: [String], of place: String) throws(APIError) {
        for key in keys.sorted() where !known.contains(key) && self[key] != .null {
            throw .unsupported("\(place).\(key.prefix(64))")
        }
    }
}
