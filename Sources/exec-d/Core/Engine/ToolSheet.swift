// A conversation with functions in words that every model's template knows: what can be called stands in the system's message,
// calls and results are the assistant's and the user's own. It must never leave a call or a result out.

import NodeModel
import Wire

/// How functions, calls and results are written for a model.
enum ToolSheet {
    /// A conversation as the engine is sent it: roles and text alone.
    static func messages(of request: InferenceRequest) -> [ChatMessage] {
        var out: [ChatMessage] = []
        var names: [String: String] = [:]
        var isResult = false
        for message in request.messages {
            if let id = message.answers {
                // All results that follow each other are one message: templates want user and assistant by turns.
                let result = "Result of \(names[id] ?? "the function"): \(message.content)"
                if isResult, let last = out.indices.last {
                    out[last].content += "\n" + result
                } else {
                    out.append(ChatMessage(role: "user", content: result))
                }
                isResult = true
                continue
            }
            isResult = false
            var content = message.content
            if let calls = message.calls {
                for call in calls { names[call.id] = call.name }
                content += (content.isEmpty ? "" : "\n") + written(calls)
            }
            // OpenAI's newer name of the same thing, which models' templates do not know.
            let role = message.role == "developer" ? "system" : message.role
            out.append(ChatMessage(role: role, content: content))
        }
        guard let tools = request.tools else { return out }
        let sheet = text(tools)
        if out.first?.role == "system" {
            out[0].content += "\n\n" + sheet
        } else {
            out.insert(ChatMessage(role: "system", content: sheet), at: 0)
        }
        return out
    }

    /// What the model is told of the functions.
    static func text(_ tools: ToolUse) -> String {
        var writer = JSONWriter(capacity: 1_024)
        for tool in tools.tools {
            writer.literal("{\"name\":")
            writer.string(tool.name)
            if let description = tool.description {
                writer.literal(",\"description\":")
                writer.string(description)
            }
            if let parameters = tool.parameters {
                writer.literal(",\"parameters\":")
                writer.raw(parameters.utf8)
            }
            writer.literal("}\n")
        }
        var text = "These functions can be called, each with the JSON schema of its arguments:\n"
        text += String(decoding: writer.bytes, as: UTF8.self)
        text += #"To call, answer with JSON: {"tool_calls":[{"name":NAME,"arguments":{ARGUMENTS}}]}."#
        if !tools.demandsCall {
            text += #" When no function helps, answer with JSON: {"content":TEXT}."#
        } else if let only = tools.only {
            text += " Call \(only) now."
        }
        return text
    }

    /// Calls as the model writes them.
    static func written(_ calls: [ToolCall]) -> String {
        var writer = JSONWriter()
        writer.literal("{\"tool_calls\":[")
        for (index, call) in calls.enumerated() {
            if index > 0 { writer.literal(",") }
            writer.literal("{\"name\":")
            writer.string(call.name)
            writer.literal(",\"arguments\":")
            if Array(call.arguments.utf8).withUnsafeBytes(JSONScanner.isWhole) {
                writer.raw(call.arguments.utf8)
            } else {
                writer.string(call.arguments)
            }
            writer.literal("}")
        }
        writer.literal("]}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
