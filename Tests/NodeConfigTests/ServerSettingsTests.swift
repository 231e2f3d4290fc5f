// Proves what a server is given and asked: an engine's share of it, prices by model, and a key where strangers reach the API.

import ConfigFile
import Testing
import Wire

@testable import NodeConfig

@Suite struct ServerSettingsTests {
    private func refused(_ yaml: String) -> String {
        do {
            _ = try ConfigFile.parse(yaml)
            return ""
        } catch let error as WireError { return error.message } catch { return "\(error)" }
    }

    @Test func anEngineGetsItsShareOfTheMachine() throws {
        func share(_ cores: Int, _ memory: Int) -> [Int] {
            let sizing = EngineSizing(cores: cores, memoryMiB: memory)
            return [sizing.threads, sizing.milliCPUs, sizing.memoryMiB, sizing.context, sizing.pidsLimit]
        }
        #expect(share(1, 1_900) == [1, 1_000, 256, 2_048, 64])
        #expect(share(2, 23_000) == [2, 2_000, 9_984, 4_096, 64])
        #expect(share(8, 64_000) == [7, 7_000, 27_904, 8_192, 64])
        #expect(share(64, 512_000) == [63, 63_000, 224_000, 16_384, 158])
        for (cores, memory) in [(1, 512), (2, 4_000), (4_096, 20_000_000), (3, 0)] {
            var config = NodeConfiguration()
            let sizing = EngineSizing(cores: cores, memoryMiB: memory)
            (config.exec.threads, config.exec.milliCPUs) = (sizing.threads, sizing.milliCPUs)
            (config.exec.memoryMiB, config.exec.context) = (sizing.memoryMiB, sizing.context)
            config.exec.pidsLimit = sizing.pidsLimit
            #expect(config.problems().isEmpty, "\(cores) cores, \(memory) MiB")
            #expect(EngineSizing.waste(config.exec, cores: cores, memoryMiB: memory) == nil)
        }
    }

    @Test func whatLiesIdleIsSaid() throws {
        let defaults = ExecSection()
        #expect(EngineSizing.waste(defaults, cores: 4, memoryMiB: 6_000) == nil)
        let words = try #require(EngineSizing.waste(defaults, cores: 64, memoryMiB: 512_000))
        #expect(words.contains("1 of 64 cores") && words.contains("1536 of 512000 MiB"))
    }

    @Test func modelsHavePricesOfTheirOwn() throws {
        let config = try ConfigFile.parse(
            "aggregator:\n  price: {prompt: 3}\n  prices:\n    big-1.5b: {prompt: 5, completion: 20}\n")
        #expect(config.aggregator.price.prompt == 3 && config.aggregator.price.completion == 2)
        #expect(config.aggregator.prices == ["big-1.5b": ModelPrice(prompt: 5, completion: 20)])
        #expect(try ConfigFile.parse(try ConfigFile.text(config)) == config)
        #expect(refused("aggregator: {prices: {Big: {prompt: 1, completion: 1}}}").contains("prices.Big"))
        #expect(refused("aggregator: {prices: {big: {prompt: -1, completion: 1}}}").contains("outside"))
        #expect(!refused("aggregator: {prices: {big: {promt: 1, completion: 1}}}").isEmpty)
        #expect(!refused("aggregator: {prices: {big: {prompt: 1}}}").isEmpty)
        #expect(!refused("aggregator: {prices: [1]}").isEmpty)
    }

    @Test func whoeverIsReachedByStrangersAsksForAKey() throws {
        let hash = "sha256:" + String(repeating: "ab", count: 32)
        for address in ["0.0.0.0:8080", "192.168.1.2:8080", "[::]:8080"] {
            #expect(refused("http: {listen: '\(address)'}").contains("http.listen"), "\(address)")
            #expect(refused("http: {listen: '\(address)', api_keys: ['\(hash)']}").isEmpty)
        }
        for address in ["", "127.0.0.9:8080", "[::1]:8080"] {
            #expect(refused("http: {listen: '\(address)'}").isEmpty, "\(address)")
        }
        #expect(
            refused("http: {api_keys: [sk-secret]}").contains("http.api_keys"),
            "a key itself is no secret there")
    }
}
