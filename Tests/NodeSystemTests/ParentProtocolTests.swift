// Proves both directions of the parent contract: descriptors by label, and notifications with attested senders.

import Glibc
import Testing

@testable import NodeSystem

struct ParentProtocolTests {
    @Test func adoptsDescriptorsByLabel() throws {
        let base: Int32 = 600
        let file = try SealedFile.make(name: "x", bytes: [1])
        defer { close(file) }
        for number in 0..<3 { dup2(file, base + Int32(number)) }
        defer { for number in 0..<3 { close(base + Int32(number)) } }
        let adopted = try ListenFDs.adopt(
            ["LISTEN_PID": "\(getpid())", "LISTEN_FDS": "3", "LISTEN_FDNAMES": "rpc.a:http:rpc.a"],
            first: base)
        #expect(adopted == ["rpc.a": [base, base + 2], "http": [base + 1]])
        #expect(fcntl(base, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func leavesDescriptorsOfAnotherProcessAlone() throws {
        #expect(try ListenFDs.adopt(["LISTEN_PID": "1", "LISTEN_FDS": "3"], first: 3).isEmpty)
        #expect(try ListenFDs.adopt([:], first: 3).isEmpty)
    }

    @Test(arguments: [
        ["LISTEN_FDS": "-1"], ["LISTEN_FDS": "x"], ["LISTEN_FDS": "5000"],
        ["LISTEN_FDS": "2", "LISTEN_FDNAMES": "only-one"], ["LISTEN_FDS": "1", "LISTEN_FDNAMES": "closed"],
    ])
    func refusesContradictions(variables: [String: String]) {
        let all = variables.merging(["LISTEN_PID": "\(getpid())"]) { $1 }
        #expect { try ListenFDs.adopt(all, first: 900) } throws: { ($0 as? SystemError)?.code == .malformed }
    }

    @Test func whatAServiceSaysArrivesWithItsSender() throws {
        let path = "/tmp/infernet-notify-\(getpid())"
        defer { unlink(path) }
        let listener = try NotifyListener(path: path)
        #expect(listener.receive() == nil, "it does not wait")
        let notifier = try ServiceNotifier(path: path, watchdogInterval: .seconds(2))
        #expect(notifier.send(.ready, .status("two\nlines")))
        let heard = try #require(listener.receive())
        #expect(heard.pid == getpid() && heard.uid == geteuid())
        #expect(heard.fields == ["READY": "1", "STATUS": "two lines"])
        notifier.send(.watchdog)
        #expect(listener.receive()?.fields == ["WATCHDOG": "1"])
    }

    @Test func connectionsAreKeptWithTheirLabelAndNobodyElsesAre() throws {
        let path = "/tmp/infernet-keep-\(getpid())"
        defer { unlink(path) }
        let listener = try NotifyListener(path: path)
        let notifier = try ServiceNotifier(path: path)
        var pair: [Int32] = [-1, -1]
        #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &pair) == 0)
        defer { for descriptor in pair { close(descriptor) } }
        let many = [Int32](repeating: pair[0], count: ServiceNotifier.mostKept)
        #expect(notifier.keep(many, label: "kept.http"))
        #expect(!notifier.keep(many + [pair[0]], label: "kept.http"), "more than one datagram carries")
        #expect(!notifier.keep([], label: "kept.http"))
        let heard = try #require(listener.receive())
        defer { for descriptor in heard.descriptors { close(descriptor) } }
        #expect(heard.fields == ["FDSTORE": "1", "FDNAME": "kept.http"])
        #expect(heard.descriptors.count == ServiceNotifier.mostKept)
        #expect(heard.descriptors.allSatisfy { fcntl($0, F_GETFD) & FD_CLOEXEC != 0 })
        // It is the same connection: what goes in here comes out at the other end.
        let last = try #require(heard.descriptors.last)
        #expect(write(last, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(pair[1], &byte, 1) == 1 && byte == 0x78)
        #expect(notifier.forgetKept(label: "kept.http"))
        let forgotten = try #require(listener.receive())
        #expect(forgotten.fields == ["FDSTOREREMOVE": "1", "FDNAME": "kept.http"])
        #expect(forgotten.descriptors.isEmpty)
    }

    @Test func aFullQueueDoesNotBlock() throws {
        let path = "/tmp/infernet-notify-full-\(getpid())"
        defer { unlink(path) }
        let listener = try NotifyListener(path: path)
        let notifier = try ServiceNotifier(path: path)
        var refused = false
        for _ in 0..<100_000 where !refused { refused = !notifier.send(.watchdog) }
        #expect(refused)
        #expect(listener.receive() != nil)
    }

    @Test func readsTheEnvironmentOnceAndRemovesIt() throws {
        let path = "@infernet-notify-\(getpid())"
        let listener = try UnixSocket.open(.datagram)
        defer { close(listener) }
        try UnixSocket.withAddress(path) { address, size in #expect(bind(listener, address, size) == 0) }
        setenv("NOTIFY_SOCKET", path, 1)
        setenv("WATCHDOG_USEC", "1500000", 1)
        let notifier = try #require(ServiceNotifier.fromEnvironment())
        #expect(notifier.watchdogInterval == .milliseconds(1500))
        #expect(getenv("NOTIFY_SOCKET") == nil && getenv("WATCHDOG_USEC") == nil)
        #expect(notifier.send(.stopping))
        #expect(ServiceNotifier.fromEnvironment() == nil)
    }
}
