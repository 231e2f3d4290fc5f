// Whether the calls of a conversation and their results belong together, before anybody spends time on it. Pure.
// It must never let through a result of a call that nobody made: a model would be told what did not happen.

/// What is wrong with a conversation, and where.
public struct ConversationFault: Error, Hashable, Sendable {
    /// The place in `messages`, and the member there; nil for the message as a whole.
    public let message: Int
    public let member: String?
    /// A sentence that holds nothing of what was sent.
    public let why: String

    /// As in `messages[2].tool_call_id`.
    public var place: String { "messages[\(message)]" + (member.map { ".\($0)" } ?? "") }
}

/// The rules, in OpenAI's words where it has any.
public enum ConversationRules {
    /// - Throws: the first thing that is wrong.
    public static func check(_ messages: [ChatMessage]) throws(ConversationFault) {
        var open: Set<String> = []
        for (index, message) in messages.enumerated() {
            func fault(_ member: String?, _ why: String) -> ConversationFault {
                ConversationFault(message: index, member: member, why: why)
            }
            guard message.role == "tool" else {
                guard message.answers == nil else {
                    throw fault("tool_call_id", "Only a message with role 'tool' has a 'tool_call_id'.")
                }
                guard open.isEmpty else { throw unanswered(index) }
                open = try calls(of: message, index)
                continue
            }
            guard message.calls == nil else {
                throw fault("tool_calls", "Only an assistant's message has 'tool_calls'.")
            }
            guard let id = message.answers else {
                throw fault("tool_call_id", "A message with role 'tool' needs a 'tool_call_id'.")
            }
            guard open.remove(id) != nil else {
                throw fault(
                    "tool_call_id",
                    "A message with role 'tool' must answer a call of the assistant's message before it, once."
                )
            }
        }
        guard open.isEmpty else { throw unanswered(messages.count) }
    }

    private static func calls(of message: ChatMessage, _ index: Int) throws(ConversationFault) -> Set<String>
    {
        guard let calls = message.calls else { return [] }
        func fault(_ member: String, _ why: String) -> ConversationFault {
            ConversationFault(message: index, member: member, why: why)
        }
        guard message.role == "assistant" else {
            throw fault("tool_calls", "Only an assistant's message has 'tool_calls'.")
        }
        guard (1...ToolLimits.mostEarlierCalls).contains(calls.count) else {
            throw fault("tool_calls", "A message has 1 to \(ToolLimits.mostEarlierCalls) calls.")
        }
        var ids: Set<String> = []
        for (number, call) in calls.enumerated() {
            guard ToolLimits.isID(call.id) else {
                throw fault(
                    "tool_calls[\(number)].id",
                    "A call's id has 1 to \(ToolLimits.longestID) printed characters of ASCII.")
            }
            guard ToolLimits.isName(call.name) else {
                throw fault(
                    "tool_calls[\(number)].function.name",
                    "A function's name has 1 to \(ToolLimits.longestName) letters of ASCII, digits, '_' and '-'."
                )
            }
            guard ids.insert(call.id).inserted else {
                throw fault("tool_calls[\(number)].id", "Two calls of one message have the same id.")
            }
        }
        return ids
    }

    /// - Parameter next: the message before which results are missing.
    private static func unanswered(_ next: Int) -> ConversationFault {
        ConversationFault(
            message: next - 1, member: nil,
            why:
                "An assistant's message with 'tool_calls' must be followed by one message with role 'tool' for each of them."
        )
    }
}
