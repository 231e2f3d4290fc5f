// Proves what the wallet's commands do before ledger-d is asked: the spelling of passphrases, the backup's file.

import ArgumentParser
import Glibc
import Interfaces
import NodeModel
import Nostr
import TestKit
import Testing
import Wire

@testable import CtlCore

@Suite struct WalletCommandTests {
    @Test func theWalletStillShowsItselfByDefault() throws {
        let bare = try #require(try InfernetCtl.parseAsRoot(["wallet"]) as? Wallet.Show)
        #expect(bare.limit == 20)
        #expect(try #require(try InfernetCtl.parseAsRoot(["wallet", "-l", "5"]) as? Wallet.Show).limit == 5)
        #expect(try InfernetCtl.parseAsRoot(["wallet", "policy"]) is Wallet.PolicyTable)
        #expect(try InfernetCtl.parseAsRoot(["wallet", "audit", "--json"]) is Wallet.Audit)
        let backup = try InfernetCtl.parseAsRoot(["wallet", "backup", "key.txt", "--passphrase-file", "p"])
        #expect(try #require(backup as? Wallet.Backup).passphrase.passphraseFile == "p")
        #expect(throws: (any Error).self) { try InfernetCtl.parseAsRoot(["wallet", "backup"]) }
    }

    @Test func anInvoiceSaysByItselfWhatIsPaid() throws {
        func pay(_ words: String...) throws -> Wallet.Pay? {
            try InfernetCtl.parseAsRoot(["wallet", "pay"] + words) as? Wallet.Pay
        }
        for invoice in ["lnbc10u1xyz", "LNBCRT1XYZ", "lightning:lntb1xyz", "LIGHTNING:LNBC1XYZ"] {
            #expect(try #require(try pay(invoice)).isInvoice)
            #expect(try pay(invoice, "2.5")?.amount == "2.5")
            for option in ["--id", "--chain", "--token"] {
                #expect(throws: (any Error).self) { try pay(invoice, option, "x") }
            }
        }
        let address = "0x7E5F4552091A69125d5DfCb7b8C2659029395Bdf"
        #expect(try pay(address, "1", "--id", "rent")?.isInvoice == false)
        #expect(throws: (any Error).self) { try pay(address) }
        #expect(try LightningAmount.millisatoshis("1.5") == 1_500)
        for amount in ["0", "1.0001", "-1", "1e3", ""] {
            #expect(throws: (any Error).self) { try LightningAmount.millisatoshis(amount) }
        }
        #expect(try InfernetCtl.parseAsRoot(["wallet", "invoice", "5", "--memo", "m"]) is Wallet.MakeInvoice)
    }

    /// NIP-49's own example of normalization.
    @Test func passphrasesAreNormalized() throws {
        let typed = String(
            decoding: [0xE2, 0x84, 0xAB, 0xE2, 0x84, 0xA6, 0xE1, 0xBA, 0x9B, 0xCC, 0xA3] as [UInt8],
            as: UTF8.self)
        #expect(Array(PassphraseOptions.normal(typed).utf8) == [0xC3, 0x85, 0xCE, 0xA9, 0xE1, 0xB9, 0xA9])
        let directory = try TemporaryDirectory()
        let path = directory.appending("passphrase")
        try BackupFile.write(typed, to: path)
        var options = PassphraseOptions()
        options.passphraseFile = path
        #expect(Array(try options.read(twice: true).utf8) == [0xC3, 0x85, 0xCE, 0xA9, 0xE1, 0xB9, 0xA9])
    }

    @Test func aBackupIsPrivateAndReplacesNothing() throws {
        let directory = try TemporaryDirectory()
        let path = directory.appending("key.txt")
        try BackupFile.write("ncryptsec1abc", to: path)
        var info = stat()
        #expect(stat(path, &info) == 0 && info.st_mode & 0o777 == 0o600)
        #expect(try BackupFile.read(path) == "ncryptsec1abc")
        let error = #expect(throws: WireError.self) { try BackupFile.write("other", to: path) }
        #expect(error?.message.contains("is there already") == true)
        #expect(try BackupFile.read(path) == "ncryptsec1abc")
        #expect(throws: WireError.self) { try BackupFile.read(directory.appending("none")) }
        try BackupFile.write("", to: directory.appending("empty"))
        #expect(throws: WireError.self) { try BackupFile.read(directory.appending("empty")) }
    }

    /// RFC 4180: whole numbers, quotes where a field needs them, CRLF.
    @Test func aTransferIsOneRecord() throws {
        var transfer = LedgerInterface.History.Transfer(
            sequence: 7, at: 1_790_000_000_000, operation: "deposit", job: nil, debit: "wallet",
            credit: "rail:a,\"b\"", asset: .testCredit, amount: 9_007_199_254_740_991)
        #expect(
            TransferTable.csv(transfer)
                == "7,2026-09-21 14:13:20Z,deposit,,wallet,\"rail:a,\"\"b\"\"\",test:credit,9007199254740991\r\n"
        )
        transfer.job = JobID("job_0199d0c2a4b50000000000000000beef")
        transfer.credit = "paid:peer"
        #expect(
            TransferTable.csv(transfer).contains(",job_0199d0c2a4b50000000000000000beef,wallet,paid:peer,"))
        #expect(TransferTable.csvHeader.split(separator: ",").count == 8)
        #expect(try InfernetCtl.parseAsRoot(["wallet", "export", "--csv"]) is Wallet.Export)
        #expect(throws: (any Error).self) { try InfernetCtl.parseAsRoot(["wallet", "history", "-l", "0"]) }
    }

    /// A node's word for a succession is not taken.
    @Test func successionsAreProvenHere() throws {
        let (old, new) = (SecretKey.generate(), SecretKey.generate())
        let succession = Succession(predecessor: old.publicKey, successor: new.publicKey, at: 1)
        let good = try old.sign(
            try succession.template(consent: try new.signature(of: succession.consentMessage)))
        #expect(try Wallet.Rotate.proven(good) == succession)
        let stolen = try old.sign(
            try succession.template(consent: try old.signature(of: succession.consentMessage)))
        #expect(throws: WireError.self) { try Wallet.Rotate.proven(stolen) }
        #expect(try InfernetCtl.parseAsRoot(["wallet", "rotate", "--yes"]) is Wallet.Rotate)
    }
}
