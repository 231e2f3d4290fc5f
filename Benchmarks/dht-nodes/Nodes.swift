// dht-nodes: many nodes of dht-d's core on real sockets in one process, as the peers are run, and what they cost.
// It must never count a search that was not made, nor nodes that know each other by another way than their packets.

import ArgumentParser
import DHTSimulation
import Glibc
import NIOCore
import NIOPosix
import NodeModel
import NodeSystem
import Nostr

@testable import DHTCore

@main
struct Nodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dht-nodes",
        abstract: "Nodes on loopback: memory, searches, deaths; one line of JSON each.")

    @Option(help: "How many nodes.") var count = 200
    @Option(help: "How many providers, and searches after each deed.") var searches = 100
    @Option(help: "Seconds without anything to do, in which packets are counted.") var idle = 0
    @Option(help: "Percent of the nodes that die without a word, once everything was searched for.")
    var dead = 20

    private struct Member {
        let shell: DHTShell
        let endpoint: Endpoint
    }

    func run() async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        // What the process itself needs for its first node is not a node's.
        await (try Self.start(250, group)).shell.abandon()
        let before = Self.residentBytes()
        var members: [Member] = []
        for number in 0..<count {
            let member = try await Self.start(number, group)
            let doors = members.prefix(8).map(\.endpoint)
            try await member.shell.join(remembered: [], bootstrap: doors)
            members.append(member)
            // One after the other, as the peers are started.
            try await Task.sleep(for: .milliseconds(10))
        }
        try await Task.sleep(for: .seconds(5))
        var good: [Int] = []
        for member in members { good.append(try await member.shell.snapshot().node.count(.good)) }
        Self.say(
            #"{"nodes":\#(count),"known":\#(good.reduce(0, +) / count),"kib":\#((Self.residentBytes() - before) / count / 1024)}"#
        )
        if idle > 0 {
            let from = try await Self.bytes(members)
            try await Task.sleep(for: .seconds(idle))
            let sent = try await Self.bytes(members) - from
            Self.say(#"{"idle_seconds":\#(idle),"bytes_per_second":\#(Double(sent) / Double(idle * count))}"#)
        }
        for number in 0..<searches {
            let reply = try await members[number * count / searches].shell.announce(try Self.card(number))
                .get()
            guard reply.stored > 3 else {
                throw ValidationError("a card came to \(reply.stored) places only")
            }
        }
        try await search(members, dead: 0)
        members.shuffle()
        for _ in 0..<(count * dead / 100) { await members.removeLast().shell.abandon() }
        if dead > 0 { try await search(members, dead: dead) }
    }

    private func search(_ members: [Member], dead: Int) async throws {
        var (times, found) = ([Double](), 0)
        let cpu = Self.processorSeconds()
        for number in 0..<searches {
            guard let from = members.randomElement() else { return }
            let began = ContinuousClock.now
            let report = try await from.shell.find(.name("model-\(number)"), limit: 1)
            times.append((ContinuousClock.now - began) / .milliseconds(1))
            found += report.cards.count
        }
        let each = (Self.processorSeconds() - cpu) * 1000 / Double(searches)
        Self.say(#"{"dead":\#(dead),"found":\#(found),"cpu_ms":\#(each),"ms":\#(times)}"#)
    }

    /// One line, at once: who reads it may measure beside us.
    private static func say(_ line: String) {
        print(line)
        fflush(nil)
    }

    private static func start(_ number: Int, _ group: MultiThreadedEventLoopGroup) async throws -> Member {
        let host = "127.70.\(number / 200).\(number % 200 + 1)"
        let descriptor = try UDPSocket.bind(host: host, port: 0)
        let port = try InternetSocket.localAddress(of: descriptor).port
        guard let endpoint = Endpoint("\(host):\(port)") else { throw ValidationError("no address") }
        var random = SystemRandomNumberGenerator()
        let shell = try await DHTShell.start(
            sockets: [.v4: descriptor], id: NodeID.random(using: &random), configuration: DHTConfiguration(),
            seed: (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) }, loop: group.next())
        return Member(shell: shell, endpoint: endpoint)
    }

    private static func card(_ number: Int) throws -> SignedEvent {
        var bytes = [UInt8](repeating: 0x11, count: 32)
        (bytes[30], bytes[31]) = (UInt8(number >> 8), UInt8(number & 255))
        guard let key = SecretKey(bytes: bytes) else { throw ValidationError("no key") }
        return try key.sign(
            TestCards.template(
                key.publicKey, model: "model-\(number)", created: DHTShell.moment().unixSeconds))
    }

    private static func bytes(_ members: [Member]) async throws -> Int {
        var sum = 0
        for member in members { sum += try await member.shell.snapshot().node.counters.bytesOut }
        return sum
    }

    private static func processorSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    private static func residentBytes() -> Int {
        guard let file = fopen("/proc/self/statm", "r") else { return 0 }
        defer { fclose(file) }
        var (size, resident) = (0, 0)
        return withUnsafeMutablePointer(to: &size) { one in
            withUnsafeMutablePointer(to: &resident) { two in
                withVaList([one, two]) { vfscanf(file, "%ld %ld", $0) } == 2 ? two.pointee * 4096 : 0
            }
        }
    }
}
