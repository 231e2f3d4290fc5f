// `infernetctl config check|show`: the configuration file before it is used, and the one in force.
// It must never read a second set of rules: the supervisor's own reader judges.

import ArgumentParser
import ConfigFile
import Interfaces
import NodeConfig
import Wire

struct Config: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Checks a configuration file, or shows the configuration in force.",
        subcommands: [Check.self, Show.self])

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
