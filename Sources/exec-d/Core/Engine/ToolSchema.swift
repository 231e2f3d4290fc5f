// The one JSON Schema that holds an answer to calls of the functions that were offered, or to words. Pure.
// It must never change what a function's own schema admits: only where its references point.

import NodeModel
import Wire

/// Writes it.
enum ToolSchema {
    /// - Parameter format: what an answer in words is held to besides.
    static func text(_ tools: ToolUse, _ format: AnswerFormat?) -> String {
        var writer = JSONWriter(capacity: 1_024)
        let callable = tools.callable
        if tools.demandsCall {
            writer.literal("{")
            calls(callable, tools.mostCalls, &writer)
        } else {
            writer.literal("{\"anyOf\":[{")
            calls(callable, tools.mostCalls, &writer)
            writer.literal("},{\"type\":\"object\",\"properties\":{\"content\":")
            writer.literal("{\"$ref\":\"#/$defs/words\"}")
            writer.literal("},\"required\":[\"content\"],\"additionalProperties\":false}]")
        }
        writer.literal(",\"$defs\":{")
        for (index, tool) in callable.enumerated() {
            if index > 0 { writer.literal(",") }
            writer.string("f\(index)")
            writer.literal(":")
            writer.raw(moved(tool.parameters ?? none, to: "/$defs/f\(index)"))
        }
        if !tools.demandsCall {
            writer.literal(",\"words\":")
            switch format {
            case nil: writer.literal("{\"type\":\"string\"}")
            case .object: writer.literal("{\"type\":\"object\"}")
            case .schema(let schema): writer.raw(moved(schema, to: "/$defs/words"))
            }
        }
        writer.literal("}}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static let none = #"{"type":"object","properties":{},"additionalProperties":false}"#

    /// The members of a schema for `{"tool_calls":[{"name":…,"arguments":…}]}`.
    private static func calls(_ callable: [Tool], _ most: Int, _ writer: inout JSONWriter) {
        writer.literal(
            "\"type\":\"object\",\"properties\":{\"tool_calls\":{\"type\":\"array\",\"minItems\":1,")
        writer.literal("\"maxItems\":")
        writer.number(most)
        writer.literal(",\"items\":{\"anyOf\":[")
        for (index, tool) in callable.enumerated() {
            if index > 0 { writer.literal(",") }
            writer.literal("{\"type\":\"object\",\"properties\":{\"name\":{\"const\":")
            writer.string(tool.name)
            writer.literal("},\"arguments\":{\"$ref\":")
            writer.string("#/$defs/f\(index)")
            writer.literal("}},\"required\":[\"name\",\"arguments\"],\"additionalProperties\":false}")
        }
        writer.literal("]}}},\"required\":[\"tool_calls\"],\"additionalProperties\":false")
    }

    /// A schema that stands at another place of a whole: its references name that place.
    ///
    /// - Parameter schema: one that `SchemaRules` let through.
    static func moved(_ schema: String, to place: String) -> [UInt8] {
        let bytes = Array(schema.utf8)
        var points: [Int] = []
        bytes.withUnsafeBytes { bytes in
            var scanner = JSONScanner(bytes)
            try? references(&scanner, areNames: false, &points)
        }
        var (out, done): ([UInt8], Int) = ([], 0)
        for point in points where bytes[point] == 0x23 {
            out += bytes[done...point] + Array(place.utf8)
            done = point + 1
        }
        return out + bytes[done...]
    }

    /// Keywords whose value is data.
    private static let data: Set<String> = ["enum", "const", "default", "examples"]
    /// Keywords whose members are names, and not keywords.
    private static let maps: Set<String> = ["properties", "$defs", "definitions"]

    /// Where the text of each reference begins.
    private static func references(
        _ s: inout JSONScanner, areNames: Bool, _ points: inout [Int]
    ) throws(JSONFault) {
        switch try s.peek() {
        case 0x7B:
            try s.object { (s, range) throws(JSONFault) in
                let raw = UnsafeRawBufferPointer(rebasing: s.bytes[range])
                let key = areNames ? "" : try JSONText.unescape(raw, escaped: raw.contains(0x5C))
                if key == "$ref", try s.peek() == 0x22 {
                    points.append(try s.rawString().range.lowerBound)
                } else if data.contains(key) {
                    _ = try s.skip()
                } else {
                    try references(&s, areNames: maps.contains(key), &points)
                }
            }
        case 0x5B:
            try s.array { (s) throws(JSONFault) in try references(&s, areNames: false, &points) }
        default: _ = try s.skip()
        }
    }
}
