// A configuration as a plain tree, so that what a person wrote can be laid over the defaults and compared with them.
// It must never guess: an unknown key is an error with the nearest known one.

import FoundationEssentials
public import Wire

/// A value as YAML and JSON both know it.
public indirect enum ConfigTree: Codable, Sendable, Equatable {
    case null
    case bool(Bool)
    case int(Int64)
    case double(Double)
    case string(String)
    case array([ConfigTree])
    case object([String: ConfigTree])

    public init(from decoder: any Decoder) throws {
        let c = try decoder.singleValueContainer()
        if c.decodeNil() {
            self = .null
        } else if let v = try? c.decode(Bool.self) {
            self = .bool(v)
        } else if let v = try? c.decode(Int64.self) {
            self = .int(v)
        } else if let v = try? c.decode(Double.self) {
            self = .double(v)
        } else if let v = try? c.decode(String.self) {
            self = .string(v)
        } else if let v = try? c.decode([ConfigTree].self) {
            self = .array(v)
        } else {
            self = .object(try c.decode([String: ConfigTree].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var c = encoder.singleValueContainer()
        switch self {
        case .null: try c.encodeNil()
        case .bool(let v): try c.encode(v)
        case .int(let v): try c.encode(v)
        case .double(let v): try c.encode(v)
        case .string(let v): try c.encode(v)
        case .array(let v): try c.encode(v)
        case .object(let v): try c.encode(v)
        }
    }

    /// What a value is called in an error.
    var kind: String {
        switch self {
        case .null: "nothing"
        case .bool: "true or false"
        case .int, .double: "a number"
        case .string: "a text"
        case .array: "a list"
        case .object: "a group of keys"
        }
    }

    /// Groups whose keys a person chooses.
    private static let chosenKeys: Set<String> = ["aggregator.prices"]

    /// Lays `other` over this tree. Every key of `other` must exist here, with the same kind of value.
    public func overlaid(with other: ConfigTree, at path: String = "") throws(ConfigProblem) -> ConfigTree {
        switch (self, other) {
        case (.object, .object) where Self.chosenKeys.contains(path): return other
        case (.object(var base), .object(let over)):
            for (key, value) in over.sorted(by: { $0.key < $1.key }) {
                let place = path.isEmpty ? key : "\(path).\(key)"
                guard let known = base[key] else {
                    throw ConfigProblem(
                        place, "is not a known key", fix: Spelling.advice(key, Array(base.keys)))
                }
                base[key] = try known.overlaid(with: value, at: place)
            }
            return .object(base)
        case (.object(let base), .null): return .object(base)
        case (.array, .array), (.string, .string), (.bool, .bool), (.int, .int), (.double, .double):
            return other
        case (.double, .int(let v)): return .double(Double(v))
        // A choice between yes, no and by itself; YAML makes truth values of the first two.
        case (.string("auto"), .bool(let v)): return .string(v ? "true" : "false")
        default: throw ConfigProblem(path, "must be \(kind), not \(other.kind)", fix: nil)
        }
    }
}

/// What is wrong with a configuration, and where.
public struct ConfigProblem: Error, Sendable, Equatable, CustomStringConvertible {
    /// The key, as `exec.slots`.
    public let path: String
    public let problem: String
    public let fix: String?

    public init(_ path: String, _ problem: String, fix: String?) {
        self.path = path
        self.problem = problem
        self.fix = fix
    }

    public var description: String { "\(path) \(problem)" + (fix.map { " - \($0)" } ?? "") }
    public var wireError: WireError { WireError(.configInvalid, "\(path) \(problem).", fix: fix) }
}

/// Finds what a person meant.
enum Spelling {
    static func advice(_ word: String, _ known: [String]) -> String {
        let nearest = known.map { ($0, distance(word, $0)) }.min { ($0.1, $0.0) < ($1.1, $1.0) }
        if let nearest, nearest.1 <= max(2, word.count / 3) { return "Did you mean '\(nearest.0)'?" }
        return "Known keys here: \(known.sorted().joined(separator: ", "))."
    }

    /// Levenshtein's distance.
    static func distance(_ a: String, _ b: String) -> Int {
        let a = Array(a.utf8)
        let b = Array(b.utf8)
        var row = Array(0...b.count)
        for i in 0..<a.count {
            var diagonal = row[0]
            row[0] = i + 1
            for j in 0..<b.count {
                let cost = a[i] == b[j] ? diagonal : min(diagonal, row[j], row[j + 1]) + 1
                diagonal = row[j + 1]
                row[j + 1] = cost
            }
        }
        return row[b.count]
    }
}
