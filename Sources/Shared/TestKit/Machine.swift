// What the machine that runs the tests has and others may lack.
// It must never guess: a test that is left out says why.

import Glibc
import NodeSystem

/// This machine.
public enum Machine {
    /// Whether its kernel speaks IPv6 and its loopback has ::1.
    public static let hasIPv6: Bool = {
        guard let descriptor = try? UDPSocket.bind(host: "::1", port: 0) else { return false }
        close(descriptor)
        return true
    }()
}
