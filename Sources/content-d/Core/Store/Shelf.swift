// Opens the store when it is first needed, and again after it could not be opened.
// It must never open a store twice: opening clears away what looks left over.

import Logging
import NodeSystem
import Wire

/// The one store of this process.
actor Shelf {
    private let directory: String
    private let headroom: Int64
    private let log: Logger
    private var open: Task<ContentStore, any Error>?

    init(directory: String, headroom: Int64, log: Logger) {
        self.directory = directory
        self.headroom = headroom
        self.log = log
    }

    /// The store.
    ///
    /// - Throws: `WireError` `.unavailable` with the reason for which it cannot be opened.
    func store() async throws -> ContentStore {
        if let open { return try await open.value }
        let (directory, headroom) = (directory, headroom)
        let task = Task {
            try await Blocking.run { try ContentStore(directory: directory, headroom: headroom) }
        }
        open = task
        do {
            let store = try await task.value
            tell(store.recovery)
            return store
        } catch {
            open = nil
            throw WireError(
                .unavailable, "The content store in \(directory) cannot be opened.",
                fix: "Look at the cause; the disk may be full or the directory not writable.",
                cause: String(describing: error))
        }
    }

    private func tell(_ recovery: ContentStore.Recovery) {
        if recovery != ContentStore.Recovery() {
            log.notice(
                "cleared what an interrupted change left",
                metadata: [
                    "partial": "\(recovery.partial)", "superseded": "\(recovery.superseded)",
                    "files": "\(recovery.unneededFiles)",
                ])
        }
        for reason in recovery.unreadable {
            log.error("a manifest cannot be used", metadata: ["reason": "\(reason)"])
        }
    }
}
