// On which addresses systemd shall listen for the node: what the configuration says, as drop-ins of the socket units.
// systemd asks for them at boot and at every reload, before any socket is bound. It must never move a socket of a
// configuration that is wrong as a whole.

import Glibc
import NodeConfig
import NodeSystem
import Policy
import Wire

/// Drop-ins for the sockets to the outside.
struct SocketAddresses: Sendable {
    /// One socket unit: the text of its drop-in, or nil when the unit shall not be.
    let units: [(unit: String, dropIn: String?)]
    /// Sockets that the target wants only when the configuration does.
    let wanted: [String]

    init(_ configuration: NodeConfiguration) {
        var units: [(unit: String, dropIn: String?)] = []
        var wanted: [String] = []
        func listen(_ role: Role, _ socket: OutsideSocket, _ address: String, _ option: String) {
            let unit = UnitName.socket(role, socket)
            guard !address.isEmpty else { return units.append((unit, nil)) }
            // An empty value takes back what the unit says; the second is then the only one.
            units.append((unit, "[Socket]\n\(option)=\n\(option)=\(address)\n"))
            wanted.append(unit)
        }
        listen(.ws, .http, configuration.http.listen, "ListenStream")
        listen(.ws, .sale, configuration.sale.listen, "ListenStream")
        listen(.ws, .peer, configuration.peer.listen, "ListenStream")
        listen(.dht, .dht, configuration.dht.listen, "ListenDatagram")
        listen(.dht, .dht6, configuration.dht.listen6, "ListenDatagram")
        (self.units, self.wanted) = (units, wanted)
    }

    /// Writes into the directory that systemd gives its generators.
    func write(to folder: String) throws {
        for (unit, dropIn) in units {
            guard let dropIn else {
                // A unit that is a link to nothing is masked: it cannot be started, and nobody misses it.
                try link("/dev/null", at: "\(folder)/\(unit)")
                continue
            }
            let place = "\(folder)/\(unit).d"
            try make(place)
            try SmallFile.write(Array(dropIn.utf8), to: "\(place)/10-infernet-yaml.conf", mode: 0o644)
        }
        let wants = "\(folder)/\(UnitName.target).wants"
        try make(wants)
        for unit in wanted { try link("/lib/systemd/system/\(unit)", at: "\(wants)/\(unit)") }
    }

    private func make(_ path: String) throws {
        guard mkdir(path, 0o755) == 0 || errno == EEXIST else {
            throw SystemError(call: "cannot make \(path)", errno: errno)
        }
    }

    private func link(_ target: String, at path: String) throws {
        unlink(path)
        guard symlink(target, path) == 0 else {
            throw SystemError(call: "cannot make \(path)", errno: errno)
        }
    }
}
