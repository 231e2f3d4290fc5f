// What can go wrong between exec-d and Docker, told apart so that each case has its own advice.
// It must never hide Docker's own words, nor call a refusal a silence.

import Wire

/// Why a call to Docker failed.
struct DockerError: Error, Hashable, CustomStringConvertible {
    enum Kind: Hashable {
        /// Nothing lies at the socket's path.
        case noSocket
        /// The socket is there, and we may not use it.
        case permissionDenied
        /// Nobody listens, or the connection broke.
        case notAnswering
        /// Somebody listens, and no answer came in time.
        case slow
        case noSuchImage
        case noSuchContainer
        /// A name is taken, or the container is in another state than the call needs.
        case conflict
        /// Docker understood and said no, with this HTTP status.
        case refused(status: Int)
        /// The answer is not what Docker's API promises.
        case unreadable
    }

    let kind: Kind
    /// What happened, for people.
    let message: String

    var description: String { message }

    /// What a person can do about it.
    var fix: String? {
        switch kind {
        case .noSocket, .notAnswering:
            "Start Docker: `systemctl start docker`, or `engine/docker-up` from the source tree."
        case .slow:
            "See what keeps Docker busy: `docker info`, `journalctl -u docker`; restart it if it hangs."
        case .permissionDenied:
            "Let the user that exec-d runs as use Docker: `usermod -aG docker USER`, then restart the node."
        case .noSuchImage: "Load the engine's image: `engine/load` from the source tree prints its id."
        case .refused(status: 400): "This version of Docker may be too old or too new: 20.10 and later work."
        case .refused, .conflict, .noSuchContainer, .unreadable: nil
        }
    }

    /// The error that callers of exec-d see.
    var wire: WireError {
        WireError(
            .engineUnavailable, "The engine cannot be run: \(message)", fix: fix, retryAfterMs: retryAfterMs)
    }

    private var retryAfterMs: Int? {
        switch kind {
        case .noSocket, .notAnswering, .slow, .noSuchImage: 5_000
        default: nil
        }
    }

    /// Docker's refusal: its status and the `message` of its body.
    static func refusal(_ call: DockerCall, status: Int, message: String) -> DockerError {
        let words = message.isEmpty ? "HTTP status \(status)" : message
        let kind: Kind =
            switch (status, call.subject) {
            case (404, .image): .noSuchImage
            case (404, .container) where words.contains("No such image"): .noSuchImage
            case (404, .container): .noSuchContainer
            case (409, _): .conflict
            default: .refused(status: status)
            }
        return DockerError(kind: kind, message: "Docker refused \(call.words): \(words)")
    }
}

/// One call of Docker's Engine API.
struct DockerCall: Sendable {
    enum Subject: Sendable { case engine, image, container }

    let method: String
    /// Path and query, without the version.
    let path: String
    let subject: Subject
    /// What the call does, for error messages: "to start the container".
    let words: String
    var body: [UInt8]?
    /// The longest wait for the whole answer.
    var limit: Duration = .seconds(5)
    /// Whether the path begins with the API version.
    var versioned = true
}
