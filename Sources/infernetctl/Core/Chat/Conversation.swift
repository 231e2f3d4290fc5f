// What was said so far. Pure.
// It must never lose the system message, nor keep an answer that did not come to its end.

import NodeModel

/// A conversation with a model.
struct Conversation: Hashable, Sendable {
    private let system: String?
    private var turns: [ChatMessage] = []

    init(system: String?) { self.system = system }

    /// How many questions were answered.
    var answered: Int { turns.count / 2 }

    /// What is sent for a new question.
    func messages(asking question: String) -> [ChatMessage] {
        let opening = system.map { [ChatMessage(role: "system", content: $0)] } ?? []
        return opening + turns + [ChatMessage(role: "user", content: question)]
    }

    /// Keeps a question with its whole answer.
    mutating func keep(question: String, answer: String) {
        turns.append(ChatMessage(role: "user", content: question))
        turns.append(ChatMessage(role: "assistant", content: answer))
    }

    /// Forgets all but the system message.
    mutating func clear() { turns = [] }
}

/// What a person typed at the prompt.
enum ReplInput: Equatable, Sendable {
    case quit, clear, help, nothing
    case unknown(String)
    case question(String)

    init(_ line: String) {
        let text = String(line.trimmed)
        guard text.hasPrefix("/") else {
            self = text.isEmpty ? .nothing : .question(text)
            return
        }
        switch text {
        case "/quit", "/exit", "/q": self = .quit
        case "/new", "/clear": self = .clear
        case "/help", "/?": self = .help
        default: self = .unknown(text)
        }
    }
}

extension String {
    /// Without white space at both ends.
    var trimmed: Substring {
        guard let first = firstIndex(where: { !$0.isWhitespace }),
            let last = lastIndex(where: { !$0.isWhitespace })
        else { return "" }
        return self[first...last]
    }
}
