// Whether a request brings a key of this node's people, where there are any. Pure.
// It must never hold or tell a key itself: what is compared are hashes, so that no time says how near a guess was.

import NIOHTTP1
import NodeConfig
import NodeModel

/// The keys that are let in.
struct KeyRule: Sendable {
    private let hashes: Set<Digest>

    init(_ entries: [String]) { hashes = Set(entries.compactMap(HTTPSection.keyHash)) }

    /// Whether the request may go on.
    func check(_ route: Route, _ headers: HTTPHeaders) throws(APIError) {
        // Whether a node is well is no secret, and what looks at it seldom has a key.
        guard !hashes.isEmpty, route != .health else { return }
        let given = headers["authorization"]
        guard let first = given.first, given.count == 1 else {
            throw APIError(
                401,
                "You didn't provide an API key. Send it as 'Authorization: Bearer KEY'; this node's "
                    + "operator has one.", code: "missing_api_key")
        }
        let parts = first.split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer",
            hashes.contains(Digest(hashing: String(parts[1].drop { $0 == " " })))
        else {
            throw APIError(401, "Incorrect API key provided.", code: "invalid_api_key")
        }
    }
}
