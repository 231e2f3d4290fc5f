// The `messages` of a chat request: roles, text as a string or as an array of text parts, calls and their results.
// It must never drop a part that is not text: the model would answer another question.

import NodeModel

/// Reads the conversation.
enum ChatMessages {
    private static let roles: Set<String> = ["system", "developer", "user", "assistant", "tool"]

    static func read(_ value: JSONTree) throws(APIError) -> [ChatMessage] {
        guard case .array(let items) = value else {
            throw .type("messages", expected: "an array of objects", got: value)
        }
        guard !items.isEmpty else {
            throw APIError(
                400, "Invalid 'messages': empty array. Expected an array with at least one message.",
                param: "messages", code: "empty_array")
        }
        var messages: [ChatMessage] = []
        messages.reserveCapacity(items.count)
        for (i, item) in items.enumerated() { messages.append(try message(item, "messages[\(i)]")) }
        do throws(ConversationFault) { try ConversationRules.check(messages) } catch {
            throw .value(error.place, error.why)
        }
        return messages
    }

    private static func message(_ value: JSONTree, _ path: String) throws(APIError) -> ChatMessage {
        guard case .object(let members) = value else { throw .type(path, expected: "an object", got: value) }
        var role: String?
        var content: String?
        var isSilent = false
        var calls: [ToolCall]?
        var answers: String?
        for member in members {
            let name = "\(path).\(member.key)"
            switch member.key {
            case "role": role = try self.role(member.value, name)
            // An assistant that only calls says nothing.
            case "content" where member.value == .null: isSilent = true
            case "content": content = try self.content(member.value, name)
            // What the client's own copy of an earlier answer carries beside the text.
            case _ where member.value.isNothing: continue
            case "tool_calls": calls = try ChatCalls.read(member.value, name)
            case "tool_call_id":
                answers = try ChatField(name: name, value: member.value).text(maximum: ToolLimits.longestID)
            case "name", "function_call", "refusal", "annotations", "audio":
                throw .unsupported(name)
            default:
                throw APIError(
                    400, "Unrecognized field '\(member.key.prefix(64))' in '\(path)'.",
                    param: "\(path).\(member.key.prefix(64))", code: "unsupported_parameter")
            }
        }
        guard let role else { throw .missing("\(path).role") }
        guard content != nil || calls != nil else {
            if isSilent { _ = try self.content(.null, "\(path).content") }
            throw .missing("\(path).content")
        }
        return ChatMessage(role: role, content: content ?? "", calls: calls, answers: answers)
    }

    private static func role(_ value: JSONTree, _ name: String) throws(APIError) -> String {
        guard case .string(let role) = value else { throw .type(name, expected: "a string", got: value) }
        guard roles.contains(role) else {
            if role == "function" {
                throw .unsupported(name, "send results of functions as messages with role 'tool'.")
            }
            throw .value(name, "expected 'system', 'developer', 'user', 'assistant' or 'tool'.")
        }
        return role
    }

    private static func content(_ value: JSONTree, _ name: String) throws(APIError) -> String {
        switch value {
        case .string(let text): return text
        case .array(let parts):
            var texts: [String] = []
            for (i, part) in parts.enumerated() { texts.append(try self.part(part, "\(name)[\(i)]")) }
            return texts.joined(separator: "\n")
        default: throw .type(name, expected: "a string or an array of text parts", got: value)
        }
    }

    private static func part(_ value: JSONTree, _ name: String) throws(APIError) -> String {
        guard case .object(let members) = value else { throw .type(name, expected: "an object", got: value) }
        var kind: JSONTree?
        var text: JSONTree?
        for member in members {
            if member.key == "type" { kind = member.value }
            if member.key == "text" { text = member.value }
        }
        guard let kind else { throw .missing("\(name).type") }
        guard case .string(let word) = kind else {
            throw .type("\(name).type", expected: "a string", got: kind)
        }
        guard word == "text" else {
            throw .unsupported("\(name).type", "only parts of type 'text' are supported.")
        }
        guard let text else { throw .missing("\(name).text") }
        guard case .string(let words) = text else {
            throw .type("\(name).text", expected: "a string", got: text)
        }
        return words
    }
}
