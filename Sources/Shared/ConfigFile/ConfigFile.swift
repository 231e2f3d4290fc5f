// Reads infernet.yaml into a configuration, and writes one back for people to look at.
// It must never accept what NodeConfig's validation has not seen.

import Foundation
public import NodeConfig
import Wire
import Yams

/// The configuration's file.
public enum ConfigFile {
    /// The largest file that is read, in bytes.
    static let maximumBytes = 1 << 20

    /// Reads a file.
    /// - Throws: `config_invalid` naming file, key and fix.
    public static func read(_ path: String) throws -> NodeConfiguration {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw WireError(
                .configInvalid, "The configuration \(path) cannot be read.",
                fix:
                    "Write one, or name another with --config; 'infernetctl config show' prints the defaults."
            )
        }
        guard data.count <= maximumBytes else {
            throw WireError(.configInvalid, "The configuration \(path) is larger than 1 MiB.")
        }
        do { return try parse(String(decoding: data, as: UTF8.self)) } catch let error as WireError {
            throw WireError(.configInvalid, "\(path): \(error.message)", fix: error.fix)
        }
    }

    /// Reads a text.
    public static func parse(_ yaml: String) throws -> NodeConfiguration {
        let tree: ConfigTree
        let written: Yams.Node
        do {
            guard let node = try Yams.compose(yaml: yaml) else { return try resolve(.object([:]), nil) }
            written = node
            tree = try ConfigTree(node)
        } catch let error as WireError { throw error } catch {
            throw WireError(
                .configInvalid, "The configuration is not valid YAML: \(oneLine(error)).",
                fix: "Look at the indentation and the quotes near that line.")
        }
        return try resolve(tree, written)
    }

    private static func resolve(_ tree: ConfigTree, _ written: Yams.Node?) throws -> NodeConfiguration {
        do { return try NodeConfiguration.resolve(tree) } catch {
            guard let line = written?.line(of: error.path) else { throw error.wireError }
            throw WireError(.configInvalid, "line \(line): \(error.path) \(error.problem).", fix: error.fix)
        }
    }

    /// The configuration with all defaults, as YAML.
    public static func text(_ config: NodeConfiguration) throws -> String {
        let encoder = YAMLEncoder()
        encoder.options.sortKeys = false
        return try encoder.encode(config)
    }

    private static func oneLine(_ error: any Error) -> String {
        String(describing: error).split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            .filter { !$0.isEmpty }.prefix(3).joined(separator: " ")
    }
}

extension Yams.Node {
    /// The line, from 1, on which the key `a.b.c` stands, or as much of it as was written; nil for none of it.
    fileprivate func line(of path: String) -> Int? {
        var (node, line): (Yams.Node, Int?) = (self, nil)
        for name in path.split(separator: ".") {
            guard case .mapping(let pairs) = node,
                let found = pairs.first(where: { $0.key.scalar.map { $0.string == name } ?? false })
            else { return line }
            line = found.key.mark?.line ?? line
            node = found.value
        }
        return line
    }
}

extension ConfigTree {
    /// The tree of a YAML node.
    init(_ node: Yams.Node) throws {
        switch node {
        case .scalar(let scalar):
            if node.null != nil {
                self = .null
            } else if let v = node.bool {
                self = .bool(v)
            } else if let v = node.int {
                self = .int(Int64(v))
            } else if let v = node.float {
                self = .double(v)
            } else {
                self = .string(scalar.string)
            }
        case .sequence(let items): self = .array(try items.map { try ConfigTree($0) })
        case .mapping(let pairs):
            var object: [String: ConfigTree] = [:]
            for (key, value) in pairs {
                guard let name = key.scalar?.string else {
                    throw WireError(.configInvalid, "A key of the configuration is not a plain word.")
                }
                guard object.updateValue(try ConfigTree(value), forKey: name) == nil else {
                    throw WireError(.configInvalid, "The key '\(name)' stands twice in one group.")
                }
            }
            self = .object(object)
        default:
            throw WireError(.configInvalid, "The configuration uses a YAML feature that is not supported.")
        }
    }
}
