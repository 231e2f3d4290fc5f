// Proves that packets leave together, and that one that cannot be sent keeps no other from going.

import Glibc
import NodeSystem
import TestKit
import Testing

@Suite struct DatagramBatchTests {
    private func receive(_ descriptor: Int32) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: 2048)
        let count = recv(descriptor, &bytes, bytes.count, Int32(MSG_DONTWAIT))
        return count < 0 ? nil : Array(bytes[..<count])
    }

    @Test func whatCannotBeSentIsPassedOver() throws {
        let sender = try UDPSocket.bind(host: "127.0.0.2", port: 0)
        let receiver = try UDPSocket.bind(host: "127.0.0.3", port: 0)
        defer {
            close(sender)
            close(receiver)
        }
        let port = try InternetSocket.localAddress(of: receiver).port
        var batch = DatagramBatch()
        batch.add([1], low: 0x7F00_0003, port: port)
        // From loopback nobody can be reached elsewhere, and nobody may shout.
        batch.add([2], low: 0x0808_0808, port: 6881)
        batch.add([3, 3], low: 0x7F00_0003, port: port)
        batch.add([4], low: 0xFFFF_FFFF, port: 6881)
        batch.add([5, 5, 5], low: 0x7F00_0003, port: port)
        #expect(batch.send(on: sender) == 2)
        #expect(batch.isEmpty)
        #expect(receive(receiver) == [1])
        #expect(receive(receiver) == [3, 3])
        #expect(receive(receiver) == [5, 5, 5])
        #expect(receive(receiver) == nil)
    }

    @Test(.enabled(if: Machine.hasIPv6, "this machine has no IPv6"))
    func packetsOfIPv6LeaveByTheirOwnSocket() throws {
        let sender = try UDPSocket.bind(host: "::1", port: 0)
        let receiver = try UDPSocket.bind(host: "::1", port: 0)
        defer {
            close(sender)
            close(receiver)
        }
        let port = try InternetSocket.localAddress(of: receiver).port
        var batch = DatagramBatch(isV6: true)
        batch.add([1], low: 1, port: port)
        // IPv4 has its own socket.
        batch.add([3], low: 0xFFFF_7F00_0001, port: port)
        batch.add([4, 4], low: 1, port: port)
        #expect(batch.send(on: sender) == 1)
        #expect(receive(receiver) == [1])
        #expect(receive(receiver) == [4, 4])
        #expect(receive(receiver) == nil)
    }

    @Test func aFullOneTakesNoMore() throws {
        let sender = try UDPSocket.bind(host: "127.0.0.2", port: 0)
        let receiver = try UDPSocket.bind(host: "127.0.0.3", port: 0)
        defer {
            close(sender)
            close(receiver)
        }
        let port = try InternetSocket.localAddress(of: receiver).port
        var batch = DatagramBatch()
        for number in 0..<DatagramBatch.most + 1 {
            #expect(batch.isFull == (number >= DatagramBatch.most))
            batch.add([UInt8(number)], low: 0x7F00_0003, port: port)
        }
        batch.add([UInt8](repeating: 0, count: 70_000), low: 0x7F00_0003, port: port)
        #expect(batch.send(on: sender) == 0)
        for number in 0..<DatagramBatch.most { #expect(receive(receiver) == [UInt8(number)]) }
        #expect(receive(receiver) == nil)
    }
}
