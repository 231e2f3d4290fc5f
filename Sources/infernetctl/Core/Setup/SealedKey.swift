// The node's key sealed to this machine, so that only ledger-d's unit is handed it.
// It must never replace a key that is there, nor remove a plain one before the sealed one was read back.
//
// Security: the secret passes through this process on pipes to systemd-creds, never as an argument or in a file.

import FoundationEssentials
import Glibc
import NodeModel
import Nostr
import Wire

/// The step that makes or seals the key.
struct SealedKey: Sendable {
    static let name = "infernet-node.key"
    /// Where systemd looks for sealed credentials by their name.
    var sealed = "/etc/credstore.encrypted/\(name)"
    /// Where ledger-d keeps a key that it made itself.
    var plain = "/var/lib/infernet/ledger-d/node.key"
    /// What a key belongs to, once there is one.
    var ledger = "/var/lib/infernet/ledger-d/ledger.db"

    func look() throws -> SetupStep.Finding {
        if access(sealed, F_OK) == 0 { return .fine("sealed to this machine in \(sealed)") }
        if access(plain, F_OK) == 0 {
            return .needed("seal the key of \(plain) to this machine, and remove the plain file") {
                try self.seal(try self.readPlain(), removesPlain: true)
            }
        }
        guard access(ledger, F_OK) != 0 else {
            return .blocked(
                "there is a ledger, but its key is gone", fix: "Restore \(plain) from your backup.",
                ends: true)
        }
        return .needed("make the node's key, sealed to this machine in \(sealed)") {
            let key = SecretKey.generate()
            return try self.seal(key.withBytes { Array(Hex.encode($0).utf8) + [0x0A] }, removesPlain: false)
        }
    }

    private func readPlain() throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: plain), data.count == 65 else {
            throw WireError(
                .configInvalid, "\(plain) does not hold a key.", fix: "Restore it from your backup.")
        }
        return Array(data)
    }

    private func seal(_ text: [UInt8], removesPlain: Bool) throws -> String {
        let folder = String(sealed[..<(sealed.lastIndex(of: "/") ?? sealed.startIndex)])
        guard mkdir(folder, 0o700) == 0 || errno == EEXIST else {
            throw WireError(.internalError, "\(folder) cannot be made: \(String(cString: strerror(errno))).")
        }
        let fresh = sealed + ".new"
        unlink(fresh)
        // To the machine alone, not to its firmware's state too: an update must not cost a node its name.
        try Tool.must(
            ["systemd-creds", "encrypt", "--with-key=host", "--name=\(Self.name)", "-", fresh], input: text)
        let back = try Tool.must(["systemd-creds", "decrypt", "--name=\(Self.name)", fresh, "-"])
        guard Array(back.utf8) == text else {
            unlink(fresh)
            throw WireError(
                .internalError, "The sealed key does not read back as it was; nothing was changed.")
        }
        chmod(fresh, 0o600)
        guard link(fresh, sealed) == 0 else {
            unlink(fresh)
            throw WireError(.internalError, "\(sealed) cannot be made: \(String(cString: strerror(errno))).")
        }
        unlink(fresh)
        sync()
        if removesPlain { unlink(plain) }
        return "the key is in \(sealed); back it up: systemd-creds decrypt --name=\(Self.name) \(sealed) FILE"
    }
}
