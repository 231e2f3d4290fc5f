// Proves that a node finds out whether strangers' packets reach it, never calls a reachable one shut off, and says so to others.

import DHTSimulation
import NodeModel
import Testing

@testable import DHTCore

@Suite struct ReachTests {
    private static let minute: Int64 = 60_000
    /// Minutes that a stranger is waited for, and good nodes that are known at least. As numbers, and not as the rule has
    /// them: a test that asks the rule what it is to be finds nothing wrong with it.
    private static let wait: Int64 = 12
    private static let leastNodes = 40
    private static let here = IPAddress("198.51.100.1")
    private static let elsewhere = IPAddress("198.51.100.99")

    private static func place(_ number: UInt32) -> Endpoint {
        Endpoint(address: 0x1401_0000 + number, port: 6881)
    }

    /// A node that writes to 50 others, each of which asks it something, for so many minutes.
    private static func reach(_ minutes: Int64, known: Int = leastNodes, from start: Int64 = 0) -> Reach {
        var reach = Reach()
        pass(&reach, start...(start + minutes), known: known)
        return reach
    }

    private static func pass(
        _ reach: inout Reach, _ minutes: ClosedRange<Int64>, known: Int = leastNodes
    ) {
        for time in minutes {
            for number in UInt32(0)..<50 {
                reach.wrote(to: place(number), now: time * minute)
                reach.asked(by: place(number), now: time * minute + 100)
            }
            reach.look(known: known, address: here, now: time * minute)
        }
    }

    // MARK: the rule's own numbers, to the millisecond

    /// A node that at once knows so many others, is asked so often within two seconds by those to whom it wrote, and
    /// looks again so many milliseconds after it first did.
    private static func judged(known: Int, queries: UInt32, after milliseconds: Int64) -> Reach {
        var reach = Reach()
        reach.look(known: known, address: here, now: 0)
        for number in 0..<queries {
            reach.wrote(to: place(number), now: 1_000)
            reach.asked(by: place(number), now: 2_000)
        }
        reach.look(known: known, address: here, now: milliseconds)
        return reach
    }

    @Test(arguments: [
        (40, 32, 720_000, Reach.Verdict.shut), (39, 32, 720_000, .unknown), (40, 31, 720_000, .unknown),
        (40, 32, 719_999, .unknown),
    ]) func twelveMinutesFortyNodesAndThirtyTwoQueries(
        known: Int, queries: UInt32, milliseconds: Int64, verdict: Reach.Verdict
    ) {
        #expect(Self.judged(known: known, queries: queries, after: milliseconds).verdict == verdict)
    }

    @Test func whoIsShutOffHidesForSixHoursAndShowsHimselfForTwelveMinutes() {
        let reach = Self.judged(known: 40, queries: 32, after: 720_000)
        for round in Int64(0)...3 {
            let start = 720_000 + round * 22_320_000
            #expect(reach.isReadOnly(at: start) && reach.isReadOnly(at: start + 21_599_999))
            #expect(!reach.isReadOnly(at: start + 21_600_000) && !reach.isReadOnly(at: start + 22_319_999))
        }
    }

    @Test func anotherAddressCountsOnceInAnHour() {
        var reach = Self.judged(known: 40, queries: 32, after: 720_000)
        reach.look(known: 40, address: Self.elsewhere, now: 800_000)
        #expect(reach.verdict == .unknown)
        for number in UInt32(0)..<32 {
            reach.wrote(to: Self.place(number), now: 801_000)
            reach.asked(by: Self.place(number), now: 802_000)
        }
        reach.look(known: 40, address: Self.elsewhere, now: 1_520_000)
        #expect(reach.verdict == .shut)
        reach.look(known: 40, address: Self.here, now: 4_399_999)
        #expect(reach.verdict == .shut)
        reach.look(known: 40, address: Self.here, now: 4_400_000)
        #expect(reach.verdict == .unknown)
    }

    @Test func whoWasWrittenToIsNoStrangerForFiveToTenMinutes() {
        func open(_ asked: Int64, between: [Int64]) -> Bool {
            var reach = Reach()
            reach.wrote(to: Self.place(1), now: 0)
            for time in between { reach.wrote(to: Self.place(2), now: time) }
            reach.asked(by: Self.place(1), now: asked)
            return reach.verdict == .open
        }
        // What is older than five minutes is put behind what is new, and thrown away after five more.
        #expect(!open(599_999, between: [300_000]))
        #expect(open(600_000, between: [300_000, 599_999]))
        // Put behind one millisecond later, it is kept as much longer.
        #expect(!open(600_000, between: [300_001]))
        #expect(!open(599_999, between: []))
        #expect(open(600_000, between: []))
    }

    @Test func whoWritesToThousandsLearnsNothing() {
        func reach(_ addresses: UInt32) -> Reach {
            var reach = Reach()
            reach.look(known: 40, address: Self.here, now: 0)
            for number in 0..<addresses { reach.wrote(to: Self.place(number), now: 719_000) }
            for number in UInt32(0)..<32 { reach.asked(by: Self.place(number), now: 719_500) }
            reach.look(known: 40, address: Self.here, now: 720_000)
            return reach
        }
        // Half of the 8192 bits, two for each address.
        #expect(reach(2_604).verdict == .shut)
        let full = reach(2_605)
        #expect(full.verdict == .unknown && full.waitingSince == nil)
    }

    // MARK: a story in minutes

    @Test func whoIsOnlyAskedByThoseHeWroteToIsShutOffAndSaysSo() {
        #expect(Self.reach(Self.wait - 1).verdict == .unknown)
        let reach = Self.reach(Self.wait)
        #expect(reach.verdict == .shut)
        #expect(reach.isReadOnly(at: (Self.wait + 1) * Self.minute))
        #expect(!Self.reach(Self.wait - 1).isReadOnly(at: Self.wait * Self.minute))
    }

    @Test func oneStrangerIsEnoughAndForGood() {
        var reach = Self.reach(5)
        reach.asked(by: Self.place(999), now: 5 * Self.minute)
        #expect(reach.verdict == .open)
        Self.pass(&reach, 6...600)
        #expect(reach.verdict == .open)
        // Also when it had thought otherwise.
        reach = Self.reach(Self.wait)
        #expect(reach.verdict == .shut)
        reach.asked(by: Self.place(999), now: (Self.wait + 1) * Self.minute)
        #expect(reach.verdict == .open && !reach.isReadOnly(at: (Self.wait + 2) * Self.minute))
        // Another port of an address that was written to is no stranger.
        reach = Self.reach(Self.wait)
        reach.asked(by: Endpoint(Self.place(3).address, port: 1), now: Self.wait * Self.minute)
        #expect(reach.verdict == .shut)
    }

    @Test func aSmallNetworkAndAQuietOneSayNothing() {
        #expect(Self.reach(600, known: 39).verdict == .unknown)
        var reach = Reach()
        for time in Int64(0)...60 { reach.look(known: 100, address: Self.here, now: time * Self.minute) }
        #expect(reach.verdict == .unknown)
        // What is on this machine or in this house is no stranger, however it comes.
        for address in ["127.0.0.1:1", "10.0.0.1:1", "192.168.1.1:1", "[::1]:1"] {
            if let local = Endpoint(address) { reach.asked(by: local, now: 61 * Self.minute) }
        }
        #expect(reach.verdict == .unknown)
    }

    @Test func theWaitingBeginsAnewWhenNodesGetFew() {
        var reach = Self.reach(9)
        reach.look(known: 3, address: Self.here, now: 9 * Self.minute)
        Self.pass(&reach, 10...(9 + Self.wait))
        #expect(reach.verdict == .unknown)
        Self.pass(&reach, (10 + Self.wait)...(10 + Self.wait))
        #expect(reach.verdict == .shut)
    }

    @Test func whoHidesShowsHimselfNowAndThen() {
        let reach = Self.reach(Self.wait)
        let shut = Self.wait * Self.minute
        let shown = (0..<24 * 60).filter { !reach.isReadOnly(at: shut + Int64($0) * Self.minute) }
        // As long as he waited, every six hours: three times in a day.
        let wait = Int(Self.wait)
        let third = 360 + 2 * (360 + wait)
        #expect(shown.count == 3 * wait)
        #expect(shown.first == 360)
        #expect(shown.last == third + wait - 1)
    }

    @Test func anotherAddressIsLookedAtAnewButNotEveryMinute() {
        var reach = Self.reach(Self.wait)
        let moved = Self.wait + 1
        reach.look(known: 50, address: nil, now: moved * Self.minute)
        #expect(reach.verdict == .shut)
        reach.look(known: 50, address: Self.elsewhere, now: moved * Self.minute)
        #expect(reach.verdict == .unknown)
        Self.pass(&reach, (moved + 1)...(moved + 59))
        // An hour has not passed, so the old address does not count as another one.
        #expect(reach.verdict == .shut)
        Self.pass(&reach, (moved + 60)...(moved + 60))
        #expect(reach.verdict == .unknown)
    }

    @Test func addressesAreRememberedForFiveToTenMinutes() {
        var trace = AddressTrace()
        let (one, other) = (Self.place(1).address, Self.place(2).address)
        trace.add(one, now: 0)
        func holds(_ address: IPAddress, _ now: Int64) -> Bool { trace.holds(address, now: now) }
        #expect(holds(one, 1))
        #expect(!holds(other, 1))
        #expect(holds(one, 5 * Self.minute))
        #expect(!holds(one, 10 * Self.minute))
        for number in UInt32(0)..<500 { trace.add(Self.place(number).address, now: 11 * Self.minute) }
        let wrong = (UInt32(10_000)..<20_000).count { holds(Self.place($0).address, 11 * Self.minute) }
        #expect(wrong < 300 && !trace.isFull)
        for number in UInt32(0)..<5_000 { trace.add(Self.place(number).address, now: 12 * Self.minute) }
        #expect(trace.isFull)
    }

    // MARK: in a network

    private static func network(_ nodes: Int, nat: Double, minutes: Int64) -> VirtualNetwork {
        var options = VirtualNetwork.Options()
        (options.natShare, options.natIsKnown, options.natMemory) = (nat, false, 3 * minute)
        options.configuration.readOnly = .byEvidence
        var network = VirtualNetwork.joined(nodes, seed: 41, options: options)
        network.run(minutes * minute)
        return network
    }

    private static func verdict(_ member: VirtualNetwork.Member) -> Reach.Verdict? {
        member.node.sides[.v4].reach?.verdict
    }

    @Test func nodesBehindNATsFindOutAndNobodyElseDoes() {
        let network = Self.network(500, nat: 0.2, minutes: 60)
        let hidden = network.members.filter(\.isHidden)
        #expect(hidden.count > 70)
        let right = hidden.count { Self.verdict($0) == .shut }
        #expect(10 * right >= 9 * hidden.count, "\(right) of \(hidden.count)")
        #expect(hidden.allSatisfy { Self.verdict($0) != .open })
        #expect(network.members.allSatisfy { $0.isHidden || Self.verdict($0) != .shut })
        let said = hidden.count { $0.node.snapshot(now: network.moment).presences[0].readOnly }
        #expect(said == right)
    }

    @Test(arguments: [2, 5, 10]) func aSmallNetworkStaysAsItIs(nodes: Int) {
        let network = Self.network(nodes, nat: 0, minutes: 120)
        #expect(network.members.allSatisfy { Self.verdict($0) != .shut })
    }

    @Test func othersAreTold() throws {
        var configuration = DHTConfiguration()
        configuration.readOnly = .always
        var peer = TestPeer(configuration)
        peer.feed(.command(.bootstrap([peer.endpoint])))
        let packet = try #require(peer.sent.first)
        guard case .message(let message) = KRPCDecoder.decode(packet.bytes[...]) else {
            Issue.record("no message")
            return
        }
        #expect(message.readOnly)
    }
}
