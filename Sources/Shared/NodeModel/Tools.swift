// The functions that a client offers a model, and what the model asks to have called.
// It must never reorder a schema: engines write an object's members in the schema's order.

/// A function that the model may ask to have called; OpenAI's `tools[].function`.
public struct Tool: Hashable, Sendable, Codable {
    public var name: String
    public var description: String?
    /// A JSON Schema of its arguments, an object, as its own text; nil for a function that has none.
    public var parameters: String?

    public init(name: String, description: String? = nil, parameters: String? = nil) {
        self.name = name
        self.description = description
        self.parameters = parameters
    }
}

/// The functions of one request, and whether any is to be called.
public struct ToolUse: Hashable, Sendable, Codable {
    public enum Choice: String, Sendable, Codable {
        /// Words or calls, as the model likes.
        case auto
        /// At least one call.
        case required
    }

    public var tools: [Tool]
    public var choice: Choice
    /// The one that is to be called; nil where any may be.
    public var only: String?
    /// Whether one answer may have several calls.
    public var parallel: Bool

    public init(tools: [Tool], choice: Choice = .auto, only: String? = nil, parallel: Bool = true) {
        self.tools = tools
        self.choice = choice
        self.only = only
        self.parallel = parallel
    }

    /// Those that may be called.
    public var callable: [Tool] { tools.filter { only == nil || $0.name == only } }
    /// Most calls of one answer.
    public var mostCalls: Int { parallel && only == nil ? ToolLimits.mostCalls : 1 }
    /// Whether an answer in words is none.
    public var demandsCall: Bool { choice == .required || only != nil }
}

/// A call that a model asked for.
public struct ToolCall: Hashable, Sendable, Codable {
    public var id: String
    public var name: String
    /// JSON as the model wrote it. It may be broken off where the answer is.
    public var arguments: String

    public init(id: String, name: String, arguments: String) {
        self.id = id
        self.name = name
        self.arguments = arguments
    }
}

/// How much of all this is taken, by everybody who reads it.
public enum ToolLimits {
    public static let mostTools = 64
    /// Bytes of a function's name.
    public static let longestName = 64
    /// Bytes of a function's description.
    public static let longestDescription = 8 << 10
    /// Bytes of all names, descriptions and schemas together.
    public static let longestTools = 64 << 10
    /// Bytes of a call's id.
    public static let longestID = 128
    /// Calls of one answer.
    public static let mostCalls = 16
    /// Bytes of one call's arguments.
    public static let longestArguments = 64 << 10
    /// Calls in one message of a conversation, which may come from elsewhere.
    public static let mostEarlierCalls = 128

    /// Letters of ASCII, digits, `_` and `-`.
    public static func isName(_ text: String) -> Bool {
        (1...longestName).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || $0 == 0x5F || $0 == 0x2D
            }
    }

    /// What is printed in ASCII, without blanks.
    public static func isID(_ text: String) -> Bool {
        (1...longestID).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    }
}
