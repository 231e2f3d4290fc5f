// A Lightning rail over a small LNbits in memory, with a clock that the test turns.
// It must never stub what is tested: ledger, backend and machine are the real ones.

import Glibc
import Logging
import NIOConcurrencyHelpers
import NodeConfig
import NodeModel
import TestKit
import Testing
import Wire

@testable import LedgerCore

struct LightningFixture: Sendable {
    static let fund: Int64 = 50_000_000
    let place: DeedFixture
    let ledger: Ledger
    let service: ModelLNbits
    let rail: LightningRail
    let time: NIOLockedValueBox<Int64>

    init(
        _ service: ModelLNbits = ModelLNbits(), place: DeedFixture? = nil,
        time: NIOLockedValueBox<Int64> = NIOLockedValueBox(KnownInvoice.made * 1000 + 1_000),
        name: String = "savings", payee: String = "", backend: (any LightningBackend)? = nil
    ) throws {
        self.place = try place ?? DeedFixture()
        self.service = service
        self.time = time
        ledger = try self.place.open()
        var section = LightningSection()
        (section.name, section.kind, section.url) = (name, "lnbits", "http://127.0.0.1:5000")
        section.payee = payee
        let key = AccountKey(stateDirectory: self.place.directory, credentialsDirectory: nil)
        try Self.put(ModelLNbits.secret + "\n", at: key.path)
        let account = try LightningAccount(section)
        rail = LightningRail(
            account,
            backend: backend ?? LNbitsBackend(endpoint: account.endpoint, carrier: service, key: key),
            ledger: ledger, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() },
            clock: { time.withLockedValue { $0 } })
    }

    static func put(_ text: String, at path: String, mode: mode_t = 0o600) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        _ = write(descriptor, text, text.utf8.count)
        fchmod(descriptor, mode)
        close(descriptor)
    }

    /// Another process over the same files.
    func restarted(name: String = "savings") throws -> LightningFixture {
        try LightningFixture(service, place: place, time: time, name: name)
    }

    var asset: Asset { rail.account.asset }
    var now: Int64 { time.withLockedValue { $0 } }

    func wait(_ seconds: Int64) { time.withLockedValue { $0 += seconds * 1000 } }

    /// Puts money into the books.
    func funded(_ amount: Int64 = fund) async throws {
        _ = try await ledger.perform(.deposit(amount, asset, from: "test"), id: "funds", at: now)
    }

    func wallet() async throws -> Int64 { try await ledger.balance(of: Operation.wallet, asset) }

    func ask(_ name: String, amount: Int64? = nil) async throws -> OutgoingPayment {
        try await rail.ask(try KnownInvoice.named(name).text, amount: amount)
    }

    func payment(_ name: String, attempt: Int = 1) async throws -> OutgoingPayment {
        try await ledger.payment(LightningTerms.id(try KnownInvoice.named(name).digest, attempt: attempt))
    }

    func left(_ name: String) throws -> Int {
        let hash = try KnownInvoice.named(name).hash
        return service.change { $0.left[hash] ?? 0 }
    }

    /// How often it was asked to pay.
    func sent() -> Int { service.change { $0.requests.count { $0 == "POST /api/v1/payments" } } }

    func look(_ times: Int = 1, every seconds: Int64 = 5) async {
        for _ in 0..<times {
            _ = await rail.pass()
            wait(seconds)
        }
    }
}
