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

    /// Whether a job would start at once.
    var hasRoom: Bool {
        guard case .success(let inventory) = inventory else { return false }
        return inventory.busy < inventory.slots && inventory.queued == 0
    }
}
