// `messages[].tool_calls`: what a model asked for earlier, as the client got it and gives it back.
// It must never drop a call: its result would be a result of nothing.

import NodeModel

/// Reads them.
enum ChatCalls {
    /// - Parameter place: where they stand, as `messages[1].tool_calls`.
    static func read(_ value: JSONTree, _ place: String) throws(APIError) -> [ToolCall] {
        guard case .array(let items) = value else {
            throw .type(place, expected: "an array of objects", got: value)
        }
        guard (1...ToolLimits.mostEarlierCalls).contains(items.count) else {
            throw .value(place, "a message has 1 to \(ToolLimits.mostEarlierCalls) calls.")
        }
        var calls: [ToolCall] = []
        for (index, item) in items.enumerated() { calls.append(try call(item, "\(place)[\(index)]")) }
        return calls
    }

    private static func call(_ value: JSONTree, _ place: String) throws(APIError) -> ToolCall {
        let outer = try value.members(place)
        // Streams number their calls, and some clients keep that.
        try outer.only(["id", "type", "function", "index"], of: place)
        if let kind = outer["type"], kind != .string("function") {
            throw .value("\(place).type", "supported values are: 'function'.")
        }
        guard let id = outer["id"] else { throw .missing("\(place).id") }
        guard let called = outer["function"] else { throw .missing("\(place).function") }
        let fields = try called.members("\(place).function")
        try fields.only(["name", "arguments"], of: "\(place).function")
        guard let name = fields["name"] else { throw .missing("\(place).function.name") }
        guard let arguments = fields["arguments"] else { throw .missing("\(place).function.arguments") }
        guard case .string(let text) = arguments else {
            throw .type("\(place).function.arguments", expected: "a string", got: arguments)
        }
        return ToolCall(
            id: try ChatField(name: "\(place).id", value: id).text(maximum: ToolLimits.longestID),
            name: try ChatField(name: "\(place).function.name", value: name).plainName(), arguments: text)
    }
}
