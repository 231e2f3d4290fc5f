// `infernetctl config check|show|new-key`: the configuration file before it is used, the one in force, and keys for the API.
// It must never read a second set of rules: the supervisor's own reader judges.

import ArgumentParser
import ConfigFile
import Interfaces
import NodeConfig
import NodeModel
import Wire

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a configuration file, shows the configuration in force, makes a key for the API.",
        subcommands: [Check.self, Show.self, NewKey.self])

    struct NewKey: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a key for the API, and says what belongs into http.api_keys.",
            discussion: "The key is shown this once and kept nowhere; the configuration holds its hash.")

        private struct Document: Encodable {
            var key: String
            var entry: String
        }

        @OptionGroup var global: GlobalOptions

        func run() throws {
            let made = Self.make()
            if global.json { return global.output.json(Document(key: made.key, entry: made.entry)) }
            global.output.line(made.key)
            global.output.error(
                "Give it to who may use this node, and put its hash into infernet.yaml:\n  http:\n"
                    + "    api_keys: [\"\(made.entry)\"]")
        }

        /// 256 bits that nobody guesses, and so a plain hash is enough.
        static func make() -> (key: String, entry: String) {
            var random = SystemRandomNumberGenerator()
            let key =
                "sk-infernet-"
                + Hex.encode((0..<32).map { _ in UInt8.random(in: .min ... .max, using: &random) })
            return (key, "sha256:" + Digest(hashing: key).hex)
        }
    }

    struct Check: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Says whether a configuration file is right.")

        @OptionGroup var global: GlobalOptions
        @Argument(help: "The file (default: the one that the node reads).", completion: .file())
        var file: String?

        func run() throws {
            let path = file ?? NodePaths.defaultConfigFile
            let config = try ConfigFile.read(path)
            if global.json { return global.output.json(config) }
            global.output.line(global.output.style.green("✓") + " \(path) is right.")
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows the configuration in force, defaults included.",
            discussion: "When the node is not running, the defaults are shown.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let output = global.output
            do {
                let reply = try await global.node.call(SupervisorInterface.ShowConfig(), at: .supervisor)
                if global.json { return output.json(reply) }
                output.error(
                    output.errorStyle.dim("# from \(reply.path ?? "the defaults; there is no file")"))
                output.raw(reply.text)
            } catch is NotRunning {
                let text = try ConfigFile.text(NodeConfiguration())
                if global.json {
                    return output.json(SupervisorInterface.ShowConfig.Reply(text: text, path: nil))
                }
                output.error(output.errorStyle.dim("# the node is not running: these are the defaults"))
                output.raw(text)
            }
        }
    }
}
