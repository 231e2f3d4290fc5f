// Under which user each daemon runs: its own when this process is root and all those users exist, else everybody's one.
// It must never mix: with one user missing, no daemon gets its own, so that nobody takes a half for the whole.

import NodeSystem
import Policy
import Wire

/// The users of a node.
struct Isolation: Sendable, Equatable {
    /// A daemon's user.
    struct Account: Sendable, Equatable {
        var name: String
        var identity: SpawnRequest.Identity
    }

    /// Empty when all share one user.
    private(set) var accounts: [Role: Account] = [:]
    /// Who may use `infernetctl` besides root.
    private(set) var operatorGroup: UInt32?
    /// In words, for every status.
    private(set) var explanation: String
    /// Groups of the table that this machine does not have.
    private(set) var missingGroups: [String] = []
    /// Whether this process may drop privileges at all.
    let isRoot: Bool

    /// Whether all daemons share one user.
    var isSingle: Bool { accounts.isEmpty }

    /// Decides by what the machine has; the look-ups are handed in.
    init(
        isRoot: Bool, rows: [ServiceRow], user: (String) throws -> UserAccount?,
        group: (String) throws -> UInt32?
    ) rethrows {
        self.isRoot = isRoot
        guard isRoot else {
            explanation = "one user for all daemons: the supervisor does not run as root"
            return
        }
        var found: [Role: Account] = [:]
        var missing: [String] = []
        for row in rows {
            guard let account = try user(row.user) else {
                missing.append(row.user)
                continue
            }
            var groups = [account.gid]
            for name in row.groups {
                if let gid = try group(name) { groups.append(gid) } else { missingGroups.append(name) }
            }
            found[row.role] = Account(
                name: row.user, identity: .init(uid: account.uid, gid: account.gid, groups: groups))
        }
        guard missing.isEmpty else {
            missingGroups = []
            explanation =
                "one user for all daemons: no user \(missing.joined(separator: ", ")) on this machine"
            return
        }
        accounts = found
        operatorGroup = try group(ServiceTable.operatorGroup)
        explanation = "a user of its own for each daemon"
        if !missingGroups.isEmpty { explanation += "; no group \(missingGroups.joined(separator: ", "))" }
    }

    /// The uid from which `caller` must come; nil when that says nothing.
    func uid(of caller: Role) -> UInt32? { accounts[caller]?.identity.uid }

    /// What a daemon is told of its callers; nil when all share one user.
    var callerUIDs: [String: UInt32]? {
        if isSingle { return nil }
        var uids = [Role.supervisor.rawValue: UInt32(0)]
        for (role, account) in accounts { uids[role.rawValue] = account.identity.uid }
        return uids
    }

    /// Owner and mode of the socket on which `caller` is heard.
    func socketAccess(for caller: Role) -> (owner: (uid: UInt32, gid: UInt32)?, mode: UInt32) {
        if let account = accounts[caller] { return ((account.identity.uid, account.identity.gid), 0o600) }
        if caller == .ctl, let operatorGroup { return ((0, operatorGroup), 0o660) }
        return (nil, 0o600)
    }
}
