// Whether and where another node is dialled back at its wish. Pure: it is told where the asker was seen, and the time.
// It must never name an address that the asker does not come from, nor have this node knock on local doors for a stranger.

import Glibc
import NIOCore
import NodeModel
import Wire

/// The limits of calls back, and who may be called.
struct DialBackRules: Sendable {
    /// How often in a minute one key, one address, and all together are dialled back, and how many at once.
    static let (perPeer, perAddress, inAll, atOnce) = (6, 6, 60, 4)

    private var peers = AddressLimiter(perMinute: perPeer)
    private var addresses = AddressLimiter(perMinute: perAddress)
    private var all = AddressLimiter(perMinute: inAll)
    private var open = 0

    /// Counts a call back that begins; `ended` must follow.
    ///
    /// - Parameter now: nanoseconds of a clock that only goes forward.
    mutating func begin(_ peer: PublicKey, at address: String, now: UInt64) throws(WireError) {
        guard open < Self.atOnce, peers.admits(peer.hex, now: now), addresses.admits(address, now: now),
            all.admits("", now: now)
        else {
            throw WireError(
                .tooManyRequests, "This node has called back often enough for now.", retryAfterMs: 10_000)
        }
        open += 1
    }

    mutating func ended() { open -= 1 }

    /// The address to dial: where the asker comes from, with its endpoint's port.
    ///
    /// - Parameters:
    ///   - observed: the other end of the asker's session.
    ///   - own: this node's own announced endpoint. A local address is called by a node that is at one of its kind itself;
    ///     else a proxy in front of this node would make strangers local.
    /// - Returns: nil when nobody is to be dialled.
    static func target(_ observed: SocketAddress, _ endpoint: PeerEndpoint, own: String) -> SocketAddress? {
        // A socket of both families sees IPv4 in the clothes of IPv6.
        guard let seen = observed.ipAddress, let port = endpoint.address.port,
            case let host = seen.hasPrefix("::ffff:") && seen.contains(".")
                ? String(seen.dropFirst(7)) : seen,
            let target = try? SocketAddress(ipAddress: host, port: port)
        else { return nil }
        let place = Place(target)
        guard place != .open else { return target }
        let home = (try? PeerEndpoint(own)).map { Place($0.address) } ?? .open
        return place == home ? target : nil
    }

    /// How far an address is known.
    enum Place: Sendable {
        /// On this machine alone.
        case machine
        /// In a private network, a provider's inner one, or on one link.
        case network
        case open

        init(_ address: SocketAddress) {
            // By its text: what stands in a SocketAddress belongs to another module.
            let text = address.ipAddress ?? ""
            var four: UInt32 = 0
            if inet_pton(AF_INET, text, &four) == 1 {
                self.init(v4: UInt32(bigEndian: four))
                return
            }
            var bytes = [UInt8](repeating: 0, count: 16)
            guard inet_pton(AF_INET6, text, &bytes) == 1 else {
                self = .machine
                return
            }
            let start = UInt16(bytes[0]) << 8 | UInt16(bytes[1])
            if bytes[..<10].allSatisfy({ $0 == 0 }), bytes[10] == bytes[11] {
                // An IPv4 address as IPv6 (::ffff:a.b.c.d), ::1 and ::.
                let low = bytes[12...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
                self = bytes[10] == 0xFF ? Place(v4: low) : .machine
            } else if start == 0x2002 || start & 0xFFC0 == 0xFE80 || start & 0xFFC0 == 0xFEC0
                || start & 0xFE00 == 0xFC00 || (start == 0x64 && bytes[2] == 0xFF)
            {
                // 6to4 and NAT64 lead to any IPv4 address; fe80::/10, fec0::/10, fc00::/7.
                self = .network
            } else {
                self = .open
            }
        }

        private init(v4: UInt32) {
            switch v4 >> 24 {
            case 127, 0: self = .machine
            case 10, 224...255: self = .network
            default:
                let isLocal =
                    v4 >> 20 == 0xAC1 || v4 >> 16 == 0xC0A8 || v4 >> 16 == 0xA9FE || v4 >> 22 == 0x191
                self = isLocal ? .network : .open
            }
        }
    }
}
