// Which functions a model is told of: how many, how long, and with schemas that an engine follows at each token.
// It must never let through what a name, a list or a schema would make of a prompt or a grammar without bound.

import NodeModel
import Wire

/// The engine's side of the checks, whoever checked before.
enum ToolRules {
    /// Most members and values of all schemas together; see `SchemaRules.most` for one.
    static let mostMembers = 4_096

    /// - Returns: what all of them have in bytes.
    /// - Throws: `invalid_request`; the words hold nothing of a description or a schema.
    static func check(_ use: ToolUse) throws(WireError) -> Int {
        guard (1...ToolLimits.mostTools).contains(use.tools.count) else {
            throw refusal("'tools' has 1 to \(ToolLimits.mostTools) functions, not \(use.tools.count).")
        }
        var (names, bytes, members): (Set<String>, Int, Int) = ([], 0, 0)
        for (index, tool) in use.tools.enumerated() {
            let place = "tools[\(index)].function"
            guard ToolLimits.isName(tool.name) else {
                throw refusal(
                    "Invalid '\(place).name': 1 to \(ToolLimits.longestName) letters of ASCII, digits, '_' and '-'."
                )
            }
            guard names.insert(tool.name).inserted else {
                throw refusal("Invalid '\(place).name': another function has the same name.")
            }
            guard (tool.description?.utf8.count ?? 0) <= ToolLimits.longestDescription else {
                throw refusal(
                    "Invalid '\(place).description': it has more than \(ToolLimits.longestDescription) bytes."
                )
            }
            bytes += tool.name.utf8.count + (tool.description?.utf8.count ?? 0)
            if let parameters = tool.parameters {
                bytes += parameters.utf8.count
                do throws(SchemaRules.Refusal) { members += try SchemaRules.check(parameters) } catch {
                    throw refusal("Invalid '\(place).parameters': \(error.message)")
                }
            }
        }
        guard bytes <= ToolLimits.longestTools else {
            throw refusal("'tools' has \(bytes) bytes, and \(ToolLimits.longestTools) is the most.")
        }
        guard members <= mostMembers else {
            throw refusal("The functions' schemas have more than \(mostMembers) members and values together.")
        }
        if let only = use.only, !names.contains(only) {
            throw refusal("'tool_choice' names a function that is not in 'tools'.")
        }
        return bytes
    }

    private static func refusal(_ message: String) -> WireError { WireError(.invalidRequest, message) }
}
