// `infernetctl wallet rotate|successions`: another key for this node, and the proof of who followed whom.
// It must never rotate without being told so twice: who knows the old name does not find the new one by itself.

import ArgumentParser
import Glibc
import Interfaces
import NodeModel
import Nostr
import Wire

extension Wallet {
    struct Rotate: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Makes a new key for this node; the old one signs that it follows.",
            discussion:
                "The books go on under the new key. Peers know this node by its key: to them it is a new node that can "
                + "prove whom it follows.")

        @OptionGroup var global: GlobalOptions
        @Flag(help: "Do it without asking.")
        var yes = false

        func run() async throws {
            if !yes {
                guard isatty(STDIN_FILENO) == 1 else {
                    throw WireError(.invalidRequest, "There is no terminal to ask.", fix: "Say --yes.")
                }
                Output.standard.rawError("Make a new key for this node? Type 'yes': ")
                guard readLine(strippingNewline: true) == "yes" else { throw ExitStatus.failed }
            }
            let reply = try await global.node.call(LedgerInterface.RotateKey(), at: .ledger)
            let succession = try Self.proven(reply.succession)
            if global.json { return global.output.json(reply) }
            global.output.line("was  \(succession.predecessor.npub)")
            global.output.line("is   \(succession.successor.npub)  from the next start on")
            global.output.error("Restart the node, then make a new backup: 'infernetctl wallet backup FILE'.")
        }

        /// What the event says, once both signatures are checked here.
        static func proven(_ event: SignedEvent) throws -> Succession {
            do { return try Succession(event) } catch {
                throw WireError(.verificationFailed, "The succession does not hold: \(error).")
            }
        }
    }

    struct Successions: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows and proves whom this node's key follows.",
            discussion: "Into a pipe or with --json go the signed events, for others to verify.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Successions(), at: .ledger)
            let proven = try reply.events.map { try Rotate.proven($0) }
            guard global.output.isTerminal, !global.json else { return global.output.json(reply) }
            guard !proven.isEmpty else { return global.output.line("This node has had one key only.") }
            for succession in proven {
                global.output.line(
                    "\(Units.time(succession.at * 1000))  \(succession.predecessor.npub) → \(succession.successor.npub)"
                )
            }
        }
    }
}
