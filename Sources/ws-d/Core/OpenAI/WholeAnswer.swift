// An answer that is given in one piece, gathered while it comes.
// It must never be given when its job failed.

import NodeModel

/// What came so far.
struct WholeAnswer: Sendable, Equatable {
    private(set) var text = ""
    private(set) var calls: [ToolCall] = []
    private(set) var tokens: [AnswerPiece.Token] = []
    /// About so many bytes it takes to be written.
    private(set) var size = 0

    /// What a token's likelihood takes besides its text, about, in bytes.
    private static let likelihood = 96

    init(text: String = "") { add(AnswerPiece(text: text)) }

    mutating func add(_ piece: AnswerPiece) {
        text += piece.text
        size += piece.text.utf8.count
        tokens += piece.tokens
        for token in piece.tokens {
            size += ([token.chosen] + token.top).reduce(0) { $0 + 6 * $1.bytes.count + Self.likelihood }
        }
        for part in piece.calls {
            size += part.arguments.utf8.count
            if let id = part.id, let name = part.name {
                calls.append(ToolCall(id: id, name: name, arguments: part.arguments))
                size += 128
            } else if let last = calls.indices.last {
                calls[last].arguments += part.arguments
            }
        }
    }
}
