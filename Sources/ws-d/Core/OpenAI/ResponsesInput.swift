// `input` and `instructions` of a request to /v1/responses, as the messages of a conversation.
// It must never drop an item or a part that it cannot hand on: the model would answer another question.

import NodeModel

/// Reads the conversation, item by item.
struct ResponsesInput {
    private var messages: [ChatMessage] = []
    /// The message whose calls are not all answered yet, and the ids of those.
    private var turn: Int?
    private var open: Set<String> = []

    /// - Parameter instructions: said by the system before all else.
    static func read(_ value: JSONTree, instructions: String?) throws(APIError) -> [ChatMessage] {
        var input = ResponsesInput()
        if let instructions { input.messages.append(ChatMessage(role: "system", content: instructions)) }
        switch value {
        case .string(let text): input.messages.append(ChatMessage(role: "user", content: text))
        case .array(let items):
            guard !items.isEmpty else {
                throw APIError(
                    400, "Invalid 'input': empty array. Expected an array with at least one item.",
                    param: "input", code: "empty_array")
            }
            for (index, item) in items.enumerated() { try input.take(item, "input[\(index)]") }
        default: throw .type("input", expected: "a string or an array of items", got: value)
        }
        try input.expectAnswers("input")
        // What a model is asked is judged by one set of rules, whatever the form it came in.
        do throws(ConversationFault) { try ConversationRules.check(input.messages) } catch {
            throw .value("input", error.why)
        }
        return input.messages
    }

    private mutating func take(_ item: JSONTree, _ place: String) throws(APIError) {
        let fields = try item.members(place)
        let kind = fields["type"] ?? .string("message")
        switch try ChatField(name: "\(place).type", value: kind).text(maximum: 64) {
        case "message": try message(fields, place)
        case "function_call": try call(fields, place)
        case "function_call_output": try output(fields, place)
        default:
            throw .unsupported(
                "\(place).type",
                "supported values are: 'message', 'function_call' and 'function_call_output'.")
        }
    }

    private mutating func message(_ fields: [String: JSONTree], _ place: String) throws(APIError) {
        try expectAnswers(place)
        try fields.only(["type", "role", "content", "id", "status", "phase"], of: place)
        guard let role = fields["role"] else { throw .missing("\(place).role") }
        guard let content = fields["content"] else { throw .missing("\(place).content") }
        let speaker = try ChatField(name: "\(place).role", value: role).text(maximum: 64)
        guard ["system", "developer", "user", "assistant"].contains(speaker) else {
            throw .value("\(place).role", "expected 'system', 'developer', 'user' or 'assistant'.")
        }
        messages.append(
            ChatMessage(role: speaker, content: try ResponsesParts.text(content, "\(place).content")))
    }

    private mutating func call(_ fields: [String: JSONTree], _ place: String) throws(APIError) {
        try fields.only(["type", "call_id", "name", "arguments", "id", "status"], of: place)
        let id = try self.id(fields, place)
        guard let name = fields["name"] else { throw .missing("\(place).name") }
        guard let arguments = fields["arguments"] else { throw .missing("\(place).arguments") }
        guard case .string(let text) = arguments else {
            throw .type("\(place).arguments", expected: "a string", got: arguments)
        }
        let call = ToolCall(
            id: id, name: try ChatField(name: "\(place).name", value: name).plainName(), arguments: text)
        let at = caller
        var calls = messages[at].calls ?? []
        guard !calls.contains(where: { $0.id == id }) else {
            throw .value("\(place).call_id", "another call of the same turn has it.")
        }
        guard calls.count < ToolLimits.mostEarlierCalls else {
            throw .value(place, "a turn has at most \(ToolLimits.mostEarlierCalls) calls.")
        }
        calls.append(call)
        messages[at].calls = calls
        turn = at
        open.insert(id)
    }

    /// The message that a call belongs to: of the turn under way, or what the assistant said just before.
    private var caller: Int {
        mutating get {
            if let turn { return turn }
            if messages.last?.role != "assistant" {
                messages.append(ChatMessage(role: "assistant", content: ""))
            }
            return messages.count - 1
        }
    }

    private mutating func output(_ fields: [String: JSONTree], _ place: String) throws(APIError) {
        try fields.only(["type", "call_id", "output", "id", "status", "name"], of: place)
        let id = try self.id(fields, place)
        guard let output = fields["output"] else { throw .missing("\(place).output") }
        guard open.remove(id) != nil else {
            throw .value(
                "\(place).call_id", "an output must answer a 'function_call' of the turn before it, once.")
        }
        if open.isEmpty { turn = nil }
        messages.append(
            ChatMessage(
                role: "tool", content: try ResponsesParts.text(output, "\(place).output"), answers: id))
    }

    private func id(_ fields: [String: JSONTree], _ place: String) throws(APIError) -> String {
        guard let id = fields["call_id"] else { throw .missing("\(place).call_id") }
        let text = try ChatField(name: "\(place).call_id", value: id).text(maximum: ToolLimits.longestID)
        guard ToolLimits.isID(text) else {
            throw .value("\(place).call_id", "it may have printed characters of ASCII only.")
        }
        return text
    }

    private func expectAnswers(_ place: String) throws(APIError) {
        guard open.isEmpty else {
            throw .value(place, "each 'function_call' before it must have a 'function_call_output' first.")
        }
    }
}
