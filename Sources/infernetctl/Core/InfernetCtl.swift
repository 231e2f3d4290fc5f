// The root of the command line, and the one place where an error becomes words and an exit code.
// It must never show a person a stack trace or a bare error type.

import ArgumentParser
import Glibc
import Wire

/// The command line.
struct InfernetCtl: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "infernetctl", abstract: "Talks to the Infernet node on this machine.",
        discussion: """
            Exit codes: 0 done, 1 failed, 3 the node is degraded, 4 the node is not running, 64 wrong usage,
            130 cancelled with Ctrl-C. Every command takes --json.
            """,
        version: "infernetctl \(Build.version)",
        subcommands: [
            Chat.self, Status.self, Jobs.self, Job.self, Logs.self, Receipt.self, Models.self, Plan.self,
            Content.self, Config.self, Setup.self, Doctor.self, Peers.self, Find.self, Reputation.self,
            WhyIdle.self, Descriptor.self, Publish.self, DHT.self, Wallet.self, Identity.self,
            Restart.self, Drain.self, Stop.self, SystemCommand.self,
            VersionCommand.self,
        ])
}

/// Runs the command line.
public enum CtlMain {
    /// Parses the process's arguments, runs the command, and ends the process with its exit code.
    public static func run() async -> Never {
        // A pipe whose reader is gone comes back as EPIPE, and a daemon that dies must not take us along.
        signal(SIGPIPE, SIG_IGN)
        let arguments = Array(CommandLine.arguments.dropFirst())
        do {
            let command = try InfernetCtl.parseAsRoot(arguments)
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                var plain = command
                try plain.run()
            }
            exit(ExitStatus.ok.rawValue)
        } catch let status as ExitStatus {
            exit(status.rawValue)
        } catch {
            if let failure = Failure(error) {
                failure.print(json: arguments.prefix { $0 != "--" }.contains("--json"))
                exit(failure.status.rawValue)
            }
            // Help, version, completion scripts and wrong usage, in ArgumentParser's own words.
            InfernetCtl.exit(withError: error)
        }
    }
}
