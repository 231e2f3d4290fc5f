// What this node itself can run, as content-d and exec-d last said.
// It must never turn "could not be asked" into "has nothing".

import Interfaces
import NodeModel
import Wire

/// This node's store and engines.
struct LocalView: Sendable {
    var entries: Result<[ContentInterface.Entry], WireError>
    var inventory: Result<ExecInterface.Inventory.Reply, WireError>

    /// The model of a name or a root, when it is here.
    func entry(_ model: String) -> ContentInterface.Entry? {
        guard case .success(let entries) = entries else { return nil }
        let models = entries.filter { $0.format == "gguf" }
        let name = model.lowercased()
        return models.first { $0.name == name } ?? models.first { $0.root.hex == name }
    }

    /// Why nothing can run here now; nil when it can.
    var obstacle: WireError? {
        switch inventory {
        case .failure(let error):
            return WireError(
                .engineUnavailable, "exec-d cannot be asked: \(error.message)",
                fix: error.fix ?? "Look at 'infernetctl status'.", cause: "\(error.code)")
        case .success(let inventory):
            guard let failed = inventory.checks.first(where: { !$0.ok }) else { return nil }
            return WireError(
                .engineUnavailable, "Models cannot run on this node now: \(failed.name): \(failed.reason)",
                fix: failed.fix ?? "Run 'infernetctl doctor'.")
        }
    }

    /// Why a model of the store does not run here, whatever else could; nil when nothing is known against it.
    func problem(of entry: ContentInterface.Entry) -> WireError? {
        if let never = hopeless(entry) { return never }
        guard case .success(let inventory) = inventory,
            let failed = inventory.problems?.first(where: { $0.root == entry.root })
        else { return nil }
        return WireError(
            .engineUnavailable, "'\(entry.name)' did not come up last time: \(failed.reason)", fix: failed.fix
        )
    }

    /// The same where another try would meet the same end: damaged bytes, or more of them than an engine may use.
    func hopeless(_ entry: ContentInterface.Entry) -> WireError? {
        if let damage = entry.problem {
            return WireError(
                .corrupt, "'\(entry.name)' is corrupt: \(damage).",
                fix: "Remove it and add the file again: infernetctl content remove \(entry.name)")
        }
        guard case .success(let inventory) = inventory, let memory = inventory.engineMemoryMiB,
            let found = ExecInterface.outgrown(entry.name, size: entry.size, memoryMiB: memory)
        else { return nil }
        return WireError(.engineUnavailable, found.reason, fix: found.fix)
    }

    /// Whether a job would start at once.
    var hasRoom: Bool {
        guard case .success(let inventory) = inventory else { return false }
        return inventory.busy < inventory.slots && inventory.queued == 0
    }
}
