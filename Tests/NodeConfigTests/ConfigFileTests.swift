// Proves that a configuration is read strictly, that typos are answered with the right word, and that slices are narrow.

import ConfigFile
import Testing
import Wire

@testable import NodeConfig

@Suite struct ConfigFileTests {
    @Test func anEmptyFileIsAllDefaults() throws {
        #expect(try ConfigFile.parse("") == NodeConfiguration())
        #expect(try ConfigFile.parse("# only a comment\n") == NodeConfiguration())
    }

    @Test func valuesAreLaidOverTheDefaults() throws {
        let config = try ConfigFile.parse(
            """
            exec:
              slots: 4
              warm: [smollm2]
            dht: {listen: "127.0.0.2:9202", bootstrap: ["127.0.0.3:9203"]}
            """)
        #expect(config.exec.slots == 4)
        #expect(config.exec.warm == ["smollm2"])
        #expect(config.dht.bootstrap == ["127.0.0.3:9203"])
        #expect(config.http == HTTPSection())
    }

    @Test(arguments: [
        ("exec:\n  slot: 2\n", "exec.slot", "slots"), ("htpp: {}\n", "htpp", "http"),
        ("aggregator:\n  price: {promt: 1}\n", "aggregator.price.promt", "prompt"),
    ])
    func aTypoIsNamedWithTheNearestKey(_ yaml: String, _ path: String, _ advice: String) {
        do {
            _ = try ConfigFile.parse(yaml)
            Issue.record("must be refused")
        } catch let error as WireError {
            #expect(error.code == .configInvalid)
            #expect(error.message.contains(path))
            #expect(error.fix?.contains("'\(advice)'") == true)
        } catch { Issue.record("\(error)") }
    }

    @Test(arguments: [
        "exec: {slots: two}", "exec: {slots: 0}", "exec: [1]", "log: {level: loud}",
        "http: {listen: localhost:80}",
        "http: {listen: '127.0.0.1:99999'}", "exec: {image: latest}", "a: {b: [",
        "exec: {slots: 1}\nexec: {slots: 2}",
        "dht: {bootstrap: [example.org]}", "peer: {advertise: 'http://x'}", "node: {run_dir: run}",
    ])
    func wrongValuesAreRefusedInWords(_ yaml: String) {
        do {
            _ = try ConfigFile.parse(yaml)
            Issue.record("must be refused: \(yaml)")
        } catch let error as WireError {
            #expect(error.code == .configInvalid)
            #expect(!error.message.contains("NodeConfiguration("), "no dump of internals: \(error.message)")
        } catch { Issue.record("\(error)") }
    }

    @Test func whatIsPrintedCanBeReadBack() throws {
        var config = NodeConfiguration()
        config.exec.warm = ["a"]
        config.peer.advertise = "ws://127.0.0.2:9102/peer"
        #expect(try ConfigFile.parse(try ConfigFile.text(config)) == config)
    }

    @Test func aDaemonIsToldItsOwnSectionOnly() throws {
        var config = NodeConfiguration()
        config.exec.dockerSocket = "/run/only-exec-knows.sock"
        for role in Role.daemons {
            let slice = String(decoding: try config.slice(for: role, callerUIDs: ["ws-d": 7]), as: UTF8.self)
            #expect(slice.contains("only-exec-knows") == (role == .exec), "\(role)")
        }
    }

    @Test func whereTheStatusIsAskedFollowsFromWhatIsAdvertised() {
        func address(_ advertise: String, _ listen: String, _ listen6: String = "") -> String {
            var config = NodeConfiguration()
            (config.peer.advertise, config.dht.listen) = (advertise, listen)
            config.dht.listen6 = listen6
            return config.statusAddress
        }
        #expect(address("ws://203.0.113.9:9102/peer", "0.0.0.0:9202") == "203.0.113.9:9202")
        #expect(address("ws://provider.example:9102/peer", "0.0.0.0:9202") == "")
        #expect(address("ws://[2001:db8::1]:9102/peer", "0.0.0.0:9202") == "")
        #expect(
            address("ws://[2001:db8::1]:9102/peer", "0.0.0.0:9202", "[::]:9206") == "[2001:db8::1]:9206")
        #expect(address("ws://203.0.113.9:9102/peer", "", "[::]:9206") == "")
        #expect(address("", "0.0.0.0:9202") == "")
        #expect(address("ws://203.0.113.9:9102/peer", "") == "")
    }

    @Test func eachNetworkOfTheDHTHasItsOwnKey() {
        func problems(_ listen: String, _ listen6: String) -> [String] {
            var config = NodeConfiguration()
            (config.dht.listen, config.dht.listen6) = (listen, listen6)
            return config.problems().map(\.path)
        }
        #expect(problems("0.0.0.0:9200", "[::]:9200").isEmpty)
        #expect(problems("", "[::1]:9200").isEmpty)
        #expect(problems("", "").isEmpty)
        #expect(problems("[::1]:9200", "") == ["dht.listen"])
        #expect(problems("", "127.0.0.1:9200") == ["dht.listen6"])
        #expect(problems("", "::1") == ["dht.listen6"])
    }

    @Test(arguments: [("true", "true"), ("false", "false"), ("auto", "auto"), ("\"true\"", "true")])
    func aChoiceMayBeATruthValue(written: String, read: String) throws {
        #expect(try ConfigFile.parse("dht:\n  read_only: \(written)\n").dht.readOnly == read)
    }

    @Test(arguments: ["maybe", "1", "[]"]) func anythingElseIsNoChoice(written: String) {
        #expect(throws: (any Error).self) { try ConfigFile.parse("dht:\n  read_only: \(written)\n") }
        // A text that is no choice takes no truth value.
        #expect(throws: (any Error).self) { try ConfigFile.parse("dht:\n  listen: true\n") }
    }

    @Test func addressesAreNumeric() {
        #expect(HostPort("127.0.0.1:80")?.description == "127.0.0.1:80")
        #expect(HostPort("[::1]:80")?.host == "::1")
        for bad in ["", ":80", "1.2.3:80", "1.2.3.4", "1.2.3.4:", "1.2.3.256:1", "[::1]", "host:1", "::1:80"]
        {
            #expect(HostPort(bad) == nil, "\(bad)")
        }
    }
}
