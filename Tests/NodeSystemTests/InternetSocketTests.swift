// Proves that a port that cannot be had is refused in words that name it and the way out.

import Glibc
import Testing

@testable import NodeSystem

struct InternetSocketTests {
    @Test func aTakenTCPPortNamesItself() throws {
        let holder = try TCPListener.bind(host: "127.0.0.1", port: 0)
        defer { close(holder) }
        let (host, port) = try InternetSocket.localAddress(of: holder)
        #expect(host == "127.0.0.1")
        #expect { try TCPListener.bind(host: "127.0.0.1", port: port) } throws: {
            guard let error = $0 as? SystemError else { return false }
            return error.code == .addressInUse && error.errno == EADDRINUSE && error.fix != nil
                && error.message.contains("TCP port \(port) on 127.0.0.1 is taken")
        }
    }

    @Test func aTakenUDPPortIsNotShared() throws {
        let holder = try UDPSocket.bind(host: "127.0.0.1", port: 0)
        defer { close(holder) }
        let port = try InternetSocket.localAddress(of: holder).port
        #expect { try UDPSocket.bind(host: "127.0.0.1", port: port) } throws: {
            ($0 as? SystemError)?.message.contains("UDP port \(port) on 127.0.0.1 is taken") ?? false
        }
    }

    @Test func bindsSixAsWell() throws {
        let socket = try TCPListener.bind(host: "::1", port: 0)
        defer { close(socket) }
        #expect(try InternetSocket.localAddress(of: socket).host == "::1")
    }

    @Test func anAddressOfAnotherMachineIsRefused() {
        #expect { try TCPListener.bind(host: "203.0.113.1", port: 9) } throws: {
            ($0 as? SystemError)?.message.contains("this machine has no address 203.0.113.1") ?? false
        }
    }

    @Test(arguments: ["localhost", "", "1.2.3", "127.0.0.1 "]) func namesAreNotResolved(host: String) {
        #expect { try UDPSocket.bind(host: host, port: 9) } throws: {
            ($0 as? SystemError)?.code == .addressInvalid
        }
    }

    @Test func aPortIsFreeAgainAtOnce() throws {
        let holder = try TCPListener.bind(host: "127.0.0.1", port: 0)
        let port = try InternetSocket.localAddress(of: holder).port
        close(holder)
        close(try TCPListener.bind(host: "127.0.0.1", port: port))
    }
}
