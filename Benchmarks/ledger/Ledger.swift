// The ledger as ledger-d uses it, without its socket: durable deeds by one caller and by many, and its signatures.
// It must never open a ledger that anything else uses, nor a path of its own around the commit queue.

import Foundation
import NodeModel
import Nostr

@testable import LedgerCore

@main enum Bench {
    static func main() async throws {
        let words = CommandLine.arguments
        if words.count == 5, words[1] == "deeds", let count = Int(words[3]), let callers = Int(words[4]) {
            print(try await deeds(words[2], count, callers))
        } else if words.count == 5, words[1] == "sign", let count = Int(words[3]), let callers = Int(words[4])
        {
            print(try await signUnderLoad(words[2], count, callers))
        } else if words.count == 3, words[1] == "signatures", let count = Int(words[2]) {
            print(try signatures(count))
        } else {
            FileHandle.standardError.write(
                Data("ledger deeds|sign FILE COUNT CALLERS | ledger signatures COUNT\n".utf8))
            exit(2)
        }
    }

    /// How long a signature takes while others reserve, each as fast as it can: what a caller of ledger-d waits for.
    static func signUnderLoad(_ path: String, _ count: Int, _ callers: Int) async throws -> String {
        let key = SecretKey.generate()
        let ledger = try Ledger(path: path, key: key)
        let asset = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
        _ = try await ledger.perform(.deposit(1 << 40, asset, from: "bench"), id: "start", at: 1)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var number = 0
                    while !Task.isCancelled {
                        _ = try await ledger.perform(
                            .reserve(7, asset, for: "peer"), id: "r\(caller)/\(number)", at: 1)
                        number += 1
                    }
                }
            }
            var took: [Duration] = []
            for index in 0..<count {
                let message = [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 32)
                let start = ContinuousClock.now
                // Where a request would be answered: a task of its own, behind whatever is running.
                _ = try await Task { try key.signature(of: message) }.value
                took.append(.now - start)
            }
            group.cancelAll()
            while let result = await group.nextResult() { _ = result }
            took.sort()
            return "{\"p99_us\":\(took[took.count * 99 / 100] / .microseconds(1))}"
        }
    }

    /// Every deed reserves from one wallet, which is the ledger's hottest account.
    static func deeds(_ path: String, _ count: Int, _ callers: Int) async throws -> String {
        let ledger = try Ledger(path: path, key: .generate())
        let asset = Asset(rawValue: "eip155:137/erc20:0x3c499c542cef5e3811e1192ce70d8cc03d5c3359")
        _ = try await ledger.perform(.deposit(1 << 40, asset, from: "bench"), id: "start", at: 1)
        let began = ContinuousClock.now
        var took = try await withThrowingTaskGroup(of: [Duration].self) { group in
            for caller in 0..<callers {
                group.addTask {
                    var took: [Duration] = []
                    for number in 0..<(count / callers) {
                        let start = ContinuousClock.now
                        _ = try await ledger.perform(
                            .reserve(7, asset, for: "peer"), id: "r\(caller)/\(number)", at: 1)
                        took.append(.now - start)
                    }
                    return took
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        let rate = Double(took.count) / ((ContinuousClock.now - began) / .seconds(1))
        took.sort()
        let (p50, p99) = (took[took.count / 2], took[took.count * 99 / 100])
        let faults = try await ledger.audit().faults.count
        return
            "{\"per_second\":\(rate),\"p50_us\":\(p50 / .microseconds(1)),\"p99_us\":\(p99 / .microseconds(1)),\"faults\":\(faults)}"
    }

    static func signatures(_ count: Int) throws -> String {
        let key = SecretKey.generate()
        var message = [UInt8](repeating: 9, count: 32)
        var signature: [UInt8] = []
        var took: [Duration] = []
        var began = ContinuousClock.now
        for index in 0..<count {
            message[0] = UInt8(truncatingIfNeeded: index)
            let start = ContinuousClock.now
            signature = try key.signature(of: message)
            took.append(.now - start)
        }
        let signing = Double(count) / ((ContinuousClock.now - began) / .seconds(1))
        took.sort()
        let bytes = key.publicKey.bytes
        began = .now
        var valid = 0
        for _ in 0..<count where Schnorr.verify(signature: signature, message: message, publicKey: bytes) {
            valid += 1
        }
        let verifying = Double(valid) / ((ContinuousClock.now - began) / .seconds(1))
        return
            "{\"sign\":\(signing),\"verify\":\(verifying),\"sign_p99_us\":\(took[took.count * 99 / 100] / .microseconds(1))}"
    }
}
