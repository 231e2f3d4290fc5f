// The ends that nobody wanted, kept on disk so that a restarted node can still tell of them.
// It must never fail the node: a book that cannot be read begins anew, one that cannot be written stays in memory.

import Dispatch
import FoundationEssentials
import Interfaces
import Wire

/// The last deaths of daemons, newest last.
struct DeathBook: Sendable {
    /// How many are kept.
    static let most = 32

    private(set) var deaths: [SupervisorInterface.Death] = []
    private let path: String
    private static let queue = DispatchQueue(label: "infernet.deaths")

    /// Opens the book at `path`; one that cannot be read is set aside under `path.corrupt`.
    init(path: String) {
        self.path = path
        guard let bytes = FileManager.default.contents(atPath: path) else { return }
        do {
            deaths = Array(
                try WireCoding.decoder.decode([SupervisorInterface.Death].self, from: bytes).suffix(Self.most)
            )
        } catch {
            try? FileManager.default.removeItem(atPath: path + ".corrupt")
            try? FileManager.default.moveItem(atPath: path, toPath: path + ".corrupt")
        }
    }

    /// The last death of a daemon.
    func last(of daemon: Role) -> SupervisorInterface.Death? { deaths.last { $0.daemon == daemon } }

    /// Adds one. The disk is written on a queue of its own, whole or not at all.
    mutating func add(_ death: SupervisorInterface.Death) {
        deaths = Array((deaths + [death]).suffix(Self.most))
        let (path, deaths) = (path, deaths)
        Self.queue.async {
            guard let bytes = try? WireCoding.encoder.encode(deaths) else { return }
            try? bytes.write(to: URL(filePath: path), options: .atomic)
        }
    }

    /// Waits until what was added is on disk; at the end of the node.
    static func flush() { queue.sync {} }
}
