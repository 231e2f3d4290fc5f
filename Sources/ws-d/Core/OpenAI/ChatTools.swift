// `tools`, `tool_choice` and `parallel_tool_calls`: the functions that the model may ask to have called.
// It must never leave one out, nor take a schema that it could not hand on as it stood.

import NodeModel
import Wire

/// What a request says of functions, gathered in whatever order it stands there.
struct ChatTools {
    private enum Choice { case never, auto, required, only(String) }

    /// Whether a function stands beside its `type`, as in responses, or under `function`, as in chat completions.
    let isFlat: Bool
    private var tools: [Tool]?
    private var choice: Choice?
    private(set) var parallel = true

    init(isFlat: Bool = false) { self.isFlat = isFlat }

    /// Takes a parameter of the request.
    mutating func take(_ field: ChatField) throws(APIError) {
        switch field.name {
        case "tools": tools = try tools(field.value)
        case "tool_choice": choice = try choice(field)
        default: parallel = try field.flag()
        }
    }

    /// - Returns: nil where nothing may be called: then the model is not told of the functions.
    func finish() throws(APIError) -> ToolUse? {
        guard let tools, !tools.isEmpty else {
            switch choice {
            case .required, .only:
                throw .value("tool_choice", "it is only allowed when 'tools' are specified.")
            case nil, .never, .auto: return nil
            }
        }
        switch choice {
        case .never: return nil
        case nil, .auto: return ToolUse(tools: tools, parallel: parallel)
        case .required: return ToolUse(tools: tools, choice: .required, parallel: parallel)
        case .only(let name):
            guard tools.contains(where: { $0.name == name }) else {
                throw .value("tool_choice", "it names a function that is not in 'tools'.")
            }
            return ToolUse(tools: tools, choice: .required, only: name, parallel: parallel)
        }
    }

    private func tools(_ value: JSONTree) throws(APIError) -> [Tool] {
        guard case .array(let items) = value else {
            throw .type("tools", expected: "an array of objects", got: value)
        }
        guard items.count <= ToolLimits.mostTools else {
            throw .value(
                "tools", "at most \(ToolLimits.mostTools) functions are allowed, but got \(items.count).")
        }
        var tools: [Tool] = []
        var names: Set<String> = []
        var bytes = 0
        for (index, item) in items.enumerated() {
            let (fields, inside) = try function(item, "tools[\(index)]")
            let tool = try Self.tool(fields, inside)
            guard names.insert(tool.name).inserted else {
                throw .value("\(inside).name", "another function has the same name.")
            }
            bytes += tool.name.utf8.count + (tool.description ?? "").utf8.count
            bytes += (tool.parameters ?? "").utf8.count
            tools.append(tool)
        }
        guard bytes <= ToolLimits.longestTools else {
            throw .value("tools", "they are longer than \(ToolLimits.longestTools) bytes together.")
        }
        return tools
    }

    /// What names or describes a function, and where it stands.
    private func function(
        _ value: JSONTree, _ place: String
    ) throws(APIError) -> (fields: [String: JSONTree], place: String) {
        var outer = try value.members(place)
        guard let kind = outer["type"] else { throw .missing("\(place).type") }
        guard try ChatField(name: "\(place).type", value: kind).text(maximum: 64) == "function" else {
            throw .value("\(place).type", "supported values are: 'function'.")
        }
        outer["type"] = nil
        if isFlat { return (outer, place) }
        try outer.only(["function"], of: place)
        guard let inner = outer["function"] else { throw .missing("\(place).function") }
        return (try inner.members("\(place).function"), "\(place).function")
    }

    private static func tool(_ fields: [String: JSONTree], _ inside: String) throws(APIError) -> Tool {
        try fields.only(["name", "description", "parameters", "strict"], of: inside)
        guard let title = fields["name"] else { throw .missing("\(inside).name") }
        var tool = Tool(name: try ChatField(name: "\(inside).name", value: title).plainName())
        if let words = fields["description"], words != .null, words != .string("") {
            tool.description = try ChatField(name: "\(inside).description", value: words).text(
                maximum: ToolLimits.longestDescription)
        }
        // Arguments are held to the schema either way.
        if let strict = fields["strict"], strict != .null {
            _ = try ChatField(name: "\(inside).strict", value: strict).flag()
        }
        if let schema = fields["parameters"], !schema.isNothing {
            tool.parameters = try parameters(ChatField(name: "\(inside).parameters", value: schema))
        }
        return tool
    }

    private static func parameters(_ field: ChatField) throws(APIError) -> String {
        let text = try field.schema()
        guard try field.value.members(field.name)["type"] == .string("object") else {
            throw .value(field.name, "it must be a JSON Schema of 'type' 'object'.")
        }
        return text
    }

    private func choice(_ field: ChatField) throws(APIError) -> Choice {
        switch field.value {
        case .string("none"): return .never
        case .string("auto"): return .auto
        case .string("required"): return .required
        case .string:
            throw .value(
                field.name, "supported values are: 'none', 'auto', 'required', or a function to be called.")
        case .object: break
        default: throw .type(field.name, expected: "a string or an object", got: field.value)
        }
        let (fields, place) = try function(field.value, field.name)
        try fields.only(["name"], of: place)
        guard let name = fields["name"] else { throw .missing("\(place).name") }
        return .only(try ChatField(name: "\(place).name", value: name).plainName())
    }
}
