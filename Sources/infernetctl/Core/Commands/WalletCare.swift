// `infernetctl wallet policy|audit|backup|restore`: what the key may do, whether the books hold, and a copy of both.
// It must never print a passphrase, nor write a key that is not encrypted.

import ArgumentParser
import Interfaces
import NodeModel
import Wire

extension Wallet {
    struct PolicyTable: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "policy", abstract: "Shows what may be signed, for whom, and how far.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Policy(), at: .ledger)
            if global.json { return global.output.json(reply) }
            var table = Table([
                ("INTENT", .left), ("MAY ASK", .left), ("PER CALL", .right), ("PER DAY", .right),
                ("PER PEER AND DAY", .right), ("WHAT THE KEY DOES", .left),
            ])
            for row in reply.rows {
                let ceilings = [row.perCall, row.perDay, row.perPeer].map { $0.map { "\($0) units" } ?? "-" }
                table.add(
                    row.intent, row.callers.joined(separator: ", "), ceilings[0], ceilings[1], ceilings[2],
                    row.effect)
            }
            table.lines(global.output.style).forEach(global.output.line)
            CeilingView.lines(reply.ceilings ?? [], global.output.style).forEach(global.output.line)
        }
    }

    struct Audit: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Proves the whole ledger: chain, sums, balances, every signature.")

        @OptionGroup var global: GlobalOptions

        func run() async throws {
            let reply = try await global.node.call(LedgerInterface.Audit(), at: .ledger)
            let output = global.output
            if global.json {
                output.json(reply)
            } else {
                for fault in reply.faults { output.line(output.style.red("✗ ") + TerminalText.clean(fault)) }
                let verdict =
                    reply.faults.isEmpty
                    ? output.style.green("✓ the ledger holds") : "the ledger does not hold"
                output.line(verdict)
                output.line(
                    output.style.dim(
                        "\(reply.operations) operations, \(reply.transfers) transfers, \(reply.heads) signed days, "
                            + "chain head \(reply.chainHead)"))
            }
            if !reply.faults.isEmpty { throw ExitStatus.failed }
        }
    }

    struct Backup: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Writes the encrypted key into a file, and has ledger-d copy its books.")

        @OptionGroup var global: GlobalOptions
        @OptionGroup var passphrase: PassphraseOptions
        @Argument(help: "The new file for the encrypted key.", completion: .file())
        var file: String

        func run() async throws {
            let reply = try await global.node.call(
                LedgerInterface.Backup(passphrase: try passphrase.read(twice: true)), at: .ledger)
            try BackupFile.write(reply.ncryptsec, to: file)
            let output = global.output
            if global.json { return output.json(reply) }
            output.line("key    \(file)  (\(reply.npub), encrypted)")
            output.line("books  \(reply.path)  (\(reply.transfers) transfers)")
            output.error(
                output.errorStyle.dim(
                    "Keep both elsewhere, and the passphrase somewhere else again. The books are not encrypted."
                ))
        }
    }

    struct Restore: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Gives a node that has done nothing yet the key of a backup.")

        @OptionGroup var global: GlobalOptions
        @OptionGroup var passphrase: PassphraseOptions
        @Argument(help: "The file with the encrypted key.", completion: .file())
        var file: String

        func run() async throws {
            let text = try BackupFile.read(file)
            let reply = try await global.node.call(
                LedgerInterface.Restore(ncryptsec: text, passphrase: try passphrase.read(twice: false)),
                at: .ledger)
            if global.json { return global.output.json(reply) }
            global.output.line(reply.npub)
            global.output.error(
                reply.restart
                    ? "Restart the node: from then on it is this one." : "The node has this key already.")
        }
    }
}
