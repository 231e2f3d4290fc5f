// Proves that addresses of both families are read, written, sorted into ranges and refused as they should be.

import DHTCore
import Testing

@Suite struct IPAddressTests {
    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text), "\(text)") }

    @Test(arguments: [
        "0.0.0.0", "1.2.3.4", "255.255.255.255", "::", "::1", "2001:db8::1", "fd00:1:2:3:4:5:6:7",
        "2a01:4f8:c17:7a8f::2", "fe80::1",
    ])
    func whatIsReadIsWrittenTheSame(_ text: String) throws {
        let address = try address(text)
        #expect(address.description == text)
        #expect(address.family == (text.contains(":") ? .v6 : .v4))
        let endpoint = Endpoint(address, port: 6881)
        #expect(Endpoint(endpoint.description) == endpoint)
        #expect(endpoint.compact.count == address.family.compactCount)
        #expect(Endpoint(compact: endpoint.compact) == endpoint)
    }

    @Test(arguments: [
        "", "1.2.3", "1.2.3.4.5", "1.2.3.256", "a.b.c.d", "::ffff:1.2.3.4", "::ffff:102:304", "fe80::1%eth0",
        "[::1]", "1:2:3:4:5:6:7:8:9", "::g", " ::1",
    ])
    func whatIsNoAddressIsNone(_ text: String) { #expect(IPAddress(text) == nil) }

    @Test(arguments: ["1.2.3.4", "::1:6881", "[1.2.3.4]:6881", "[::1]", "[::1]:", "[::1]:65536", "::1", ":1"])
    func whatIsNoEndpointIsNone(_ text: String) { #expect(Endpoint(text) == nil) }

    /// RFC 4291's mapped form would make one address two, with two tokens and two ranges.
    @Test func anIPv4AddressInTheFormOfIPv6IsNone() {
        let mapped = [UInt8](repeating: 0, count: 10) + [0xFF, 0xFF, 1, 2, 3, 4, 0x1A, 0xE1]
        #expect(Endpoint(compact: mapped) == nil)
        #expect(Endpoint(compact: Array(mapped.dropFirst())) == nil)
        #expect(IPAddress(v6: 0, 0xFFFF_0102_0304) == nil)
    }

    @Test func rangesAreThoseOfLandlordsAndHousehold() throws {
        #expect(try address("20.1.1.1").range == address("20.1.1.254").range)
        #expect(try address("20.1.1.1").range != address("20.1.2.1").range)
        #expect(try address("20.1.1.1").home == nil)
        #expect(try address("2001:db8:1:2::1").range == address("2001:db8:1:ffff::9").range)
        #expect(try address("2001:db8:1:2::1").range != address("2001:db8:2:2::1").range)
        #expect(try address("2001:db8:1:2::1").home == address("2001:db8:1:2:ffff::").home)
        #expect(try address("2001:db8:1:2::1").home != address("2001:db8:1:3::1").home)
        // No range of one family is one of the other, and none is 0.
        #expect(try address("::1").range != address("0.0.0.1").range)
        #expect(try address("::1").range != 0)
    }

    @Test(arguments: [
        "127.0.0.1", "10.1.1.1", "172.16.0.1", "192.168.1.1", "169.254.1.1", "::1", "fd00::1", "fc00::1",
    ])
    func noStrangerHasThese(_ text: String) throws { #expect(try address(text).isLocal) }

    @Test(arguments: ["8.8.8.8", "172.32.0.1", "2001:db8::1", "2a00::1", "fe00::1"])
    func strangersCanHaveThese(_ text: String) throws { #expect(try !address(text).isLocal) }

    @Test(arguments: ["8.8.8.8", "127.0.0.1", "::1", "fd00::1", "2001:db8::1", "3fff::1", "2a01:4f8::1"])
    func packetsMayGoThere(_ text: String) throws {
        #expect(try address(text).isUsable)
        #expect(Endpoint(try address(text), port: 1).isUsable)
        #expect(!Endpoint(try address(text), port: 0).isUsable)
    }

    /// Nowhere, everybody, without a zone, or IPv4 in other clothes: 6to4, Teredo, NAT64, IPv4-compatible.
    @Test(arguments: [
        "0.1.2.3", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fe80::1", "2002:102:304::1", "2001::1",
        "64:ff9b::102:304", "::102:304", "4000::1", "100::1",
    ])
    func noPacketGoesThere(_ text: String) throws { #expect(try !address(text).isUsable) }

    @Test func ordersAreThoseOfNumbers() throws {
        let sorted = try ["1.2.3.4:1", "1.2.3.4:2", "1.2.3.5:1", "[2001:db8::]:5", "[2001:db8::1]:1"].map {
            try #require(Endpoint($0))
        }
        #expect(sorted.reversed().sorted() == sorted)
        #expect(Set(sorted + sorted).count == 5)
    }

    @Test func whatChangesEveryDayIsNotWhatLasts() throws {
        #expect(try address("2001:db8::1").lasting == address("2001:db8::2").lasting)
        #expect(try address("2001:db8:0:1::1").lasting != address("2001:db8::1").lasting)
        #expect(try address("1.2.3.4").lasting == address("1.2.3.4"))
    }
}
