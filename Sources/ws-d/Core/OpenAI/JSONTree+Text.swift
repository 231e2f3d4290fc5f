// A parsed JSON value as text again: members in their order, nothing added.
// It must never write what it would not read.

import Wire

extension JSONTree {
    /// The value as JSON without white space.
    var text: String {
        var writer = JSONWriter()
        write(to: &writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private func write(to writer: inout JSONWriter) {
        switch self {
        case .null: writer.literal("null")
        case .bool(let flag): writer.literal(flag ? "true" : "false")
        case .integer(let integer): writer.raw(String(integer).utf8)
        // Finite, so that its shortest decimal form is a JSON number.
        case .decimal(let decimal): writer.raw(decimal.description.utf8)
        case .string(let string): writer.string(string)
        case .array(let items):
            writer.literal("[")
            for (index, item) in items.enumerated() {
                if index > 0 { writer.literal(",") }
                item.write(to: &writer)
            }
            writer.literal("]")
        case .object(let members):
            writer.literal("{")
            for (index, member) in members.enumerated() {
                if index > 0 { writer.literal(",") }
                writer.string(member.key)
                writer.literal(":")
                member.value.write(to: &writer)
            }
            writer.literal("}")
        }
    }
}
