// What the kill matrix of Lightning does: one invoice is paid, one of its own is made and booked, over a backend whose
// memory is a folder. It must never remember anything outside that folder: its process is killed at every boundary.

import FoundationEssentials
import Glibc
import Logging
import NodeConfig
import NodeModel
import Nostr

@testable import LedgerCore

enum LightningScript {
    static let funds: Int64 = 10_000_000
    static let fee: Int64 = 7
    /// When the invoices were made, in Unix milliseconds.
    static let made: Int64 = 1_790_000_000_000

    static func account() throws -> LightningAccount {
        var section = LightningSection()
        (section.name, section.kind, section.url) = ("savings", "lnbits", "http://127.0.0.1:5000")
        return try LightningAccount(section)
    }

    /// - Parameters:
    ///   - now: Unix milliseconds.
    ///   - reach: called at every boundary, of the ledger's and of the backend's.
    @Sendable static func run(
        _ directory: String, now: Int64, key: SecretKey, _ reach: @escaping @Sendable () -> Void
    ) async throws {
        let ledger = try Ledger(path: directory + "/" + Ledger.fileName, key: key) { _ in reach() }
        let folder = BackendFolder(path: directory)
        let rail = LightningRail(
            try account(), backend: FolderBackend(folder: folder, reach: reach), ledger: ledger,
            log: Logger(label: "child") { _ in SwiftLogNoOpLogHandler() }, clock: { now })
        _ = try await rail.ask(folder.read("invoice"), amount: nil)
        if try await ledger.invoices(limit: 1).isEmpty {
            _ = try await rail.makeInvoice(amount: Int64(folder.read("own-amount")) ?? 0, memo: "")
        }
        for _ in 0..<2 { _ = await rail.pass() }
    }
}

/// Files of one line each.
struct BackendFolder: Sendable {
    let path: String

    func read(_ name: String) -> String {
        let data = (try? Data(contentsOf: URL(filePath: path + "/" + name))) ?? Data()
        return String(decoding: data, as: UTF8.self)
    }

    /// One write, which a kill does not cut.
    func append(_ line: String, to name: String) {
        let descriptor = open(path + "/" + name, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let bytes = Array(line.utf8)
        if write(descriptor, bytes, bytes.count) != bytes.count { exit(74) }
        close(descriptor)
    }
}

/// Pays a hash once, whatever it is asked, and writes down how often it was asked.
struct FolderBackend: LightningBackend {
    let refusesTwice = true
    let paysAnyAmount = true
    let invoiceStep: Int64 = 1
    let folder: BackendFolder
    /// Who pays its invoices; nil: they are paid as soon as they are made.
    var payer: BackendFolder?
    let reach: @Sendable () -> Void

    func pay(_ invoice: String, amount: Int64?, feeCeiling: Int64) async throws -> LightningWord? {
        reach()
        folder.append("asked\n", to: "asked")
        if folder.read("paid").isEmpty { folder.append("paid\n", to: "paid") }
        reach()
        return nil
    }

    func payment(_ hash: Digest) async throws -> LightningClaim {
        reach()
        if folder.read("paid").isEmpty { return .unknown }
        return .paid(preimage: Hex.decode(folder.read("preimage")), fee: LightningScript.fee)
    }

    func makeInvoice(amount: Int64, memo: String, seconds: Int64) async throws -> String {
        reach()
        return folder.read("own")
    }

    func invoice(_ hash: Digest) async throws -> LightningClaim {
        reach()
        if let payer, payer.read("paid").isEmpty { return .pending }
        return .paid(preimage: Hex.decode(folder.read("own-preimage")), fee: nil)
    }

    func standing() async throws -> String { "heard" }
}
