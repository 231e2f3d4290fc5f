// The ends that nobody wanted, kept on disk so that a restarted node can still tell of them.
// It must never fail the node: a book that cannot be read begins anew, one that cannot be written stays in memory.

import Dispatch
import FoundationEssentials
import Interfaces
import Synchronization
import Wire

/// The last deaths of daemons, newest last.
struct DeathBook: Sendable {
    /// How many are kept.
    static let most = 32

    private(set) var deaths: [SupervisorInterface.Death] = []
    private let path: String
    private static let pen = Pen()

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

    /// Adds one. The disk is written a little later, when the next process is on its way, whole or not at all.
    mutating func add(_ death: SupervisorInterface.Death) {
        deaths = Array((deaths + [death]).suffix(Self.most))
        Self.pen.write(deaths, to: path)
    }

    /// Waits until what was added is on disk; at the end of the node.
    static func flush() { pen.flush() }
}

/// Writes books, away from everybody who waits for a daemon.
private final class Pen: Sendable {
    /// Longer than a start takes.
    private static let pause = DispatchTimeInterval.milliseconds(50)
    private let queue = DispatchQueue(label: "infernet.deaths")
    private let due = Mutex<[String: [SupervisorInterface.Death]]>([:])

    func write(_ deaths: [SupervisorInterface.Death], to path: String) {
        due.withLock { $0[path] = deaths }
        queue.asyncAfter(deadline: .now() + Self.pause) { self.writeDue() }
    }

    func flush() { queue.sync { writeDue() } }

    private func writeDue() {
        let books = due.withLock { due in
            defer { due = [:] }
            return due
        }
        for (path, deaths) in books {
            guard let bytes = try? WireCoding.encoder.encode(deaths) else { continue }
            try? bytes.write(to: URL(filePath: path), options: .atomic)
        }
    }
}
