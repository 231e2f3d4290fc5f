// What LND's REST interface answers, read strictly, as its documentation has been since 0.15: 64-bit numbers are text.
// It must never take an answer about another payment, nor any other error than "not found" for "unknown".

import FoundationEssentials
import NodeModel
import Wire

enum LNDAnswer {
    /// gRPC's codes, which LND's gateway passes on.
    private static let notFound = 5
    /// Codes of requests that were refused before anything was begun: invalid argument, permission, no macaroon.
    private static let plainNoes = [3, 7, 16]

    private struct Failure: Codable, Sendable {
        var code: Int?
        var grpc_code: Int?
        var message: String?
        var number: Int? { code ?? grpc_code }
    }
    private struct Payment: Codable, Sendable {
        var payment_hash: String
        var status: String
        var payment_preimage: String?
        var fee_msat: String?
        var failure_reason: String?
    }
    /// A line of a stream; an error before the first is the whole body, with the failure inside or bare.
    private struct Line: WireValue {
        var result: Payment?
        var error: Failure?
        var code: Int?
        var message: String?
    }
    private struct Invoice: WireValue {
        var state: String
        var r_hash: String
        var r_preimage: String?
        var htlcs: [Part]?

        /// One of the payments that make it up.
        struct Part: Codable, Sendable {
            var state: String?
            var expiry_height: Int64?
        }

        /// The block at which the first of what is held runs out.
        var end: Int64? {
            (htlcs ?? []).filter { $0.state == "ACCEPTED" }.compactMap(\.expiry_height).filter { $0 > 0 }
                .min()
        }
    }
    private struct Made: WireValue { var payment_request: String }
    private struct Node: WireValue {
        struct Chain: Codable, Sendable { var network: String }
        var identity_pubkey: String
        var chains: [Chain]
        var block_height: Int64?
    }

    /// What a line says of a payment, or why there is none.
    static func payment(_ body: String, status: Int, of hash: Digest) throws(LightningTrouble)
        -> LightningClaim
    {
        guard let line: Line = read(body) else { throw .silent("HTTP status \(status)") }
        guard let found = line.result else {
            if failure(line).number == notFound { return .unknown }
            throw .refused(words(failure(line)))
        }
        guard found.payment_hash == hash.hex else { throw .contradiction("LND speaks of another payment") }
        switch found.status {
        case "SUCCEEDED":
            return .paid(
                preimage: found.payment_preimage.flatMap { Hex.decode($0, count: 32) },
                fee: found.fee_msat.flatMap { Int64($0) }.map { Int64(clamping: $0.magnitude) })
        case "FAILED":
            return .failed(
                "LND says that it failed: \(StrangersWords.plain(found.failure_reason ?? "no reason"))")
        default: return .pending
        }
    }

    /// What the answer to a payment is worth; nil where a look-up must tell.
    static func word(_ body: String, of hash: Digest) throws(LightningTrouble) -> LightningWord? {
        guard let line: Line = read(body) else { return nil }
        guard line.result != nil else {
            let failure = failure(line)
            return failure.number.map(plainNoes.contains) == true ? .refused("LND: \(words(failure))") : nil
        }
        return .claim(try payment(body, status: 200, of: hash))
    }

    static func invoice(_ body: String, status: Int, of hash: Digest) throws(LightningTrouble)
        -> LightningClaim
    {
        guard let found: Invoice = read(body) else {
            if let line: Line = read(body), failure(line).number == notFound { return .unknown }
            throw try trouble(body, status)
        }
        guard Data(base64Encoded: found.r_hash).map(Array.init) == hash.bytes else {
            throw .contradiction("LND speaks of another invoice")
        }
        switch found.state {
        case "SETTLED":
            let preimage = found.r_preimage.flatMap { Data(base64Encoded: $0) }.map(Array.init)
            return .paid(preimage: preimage?.count == 32 ? preimage : nil, fee: nil)
        case "CANCELED": return .failed("the invoice ran out")
        case "ACCEPTED": return .held(until: found.end)
        default: return .pending
        }
    }

    static func made(_ body: String, status: Int) throws(LightningTrouble) -> String {
        guard let made: Made = read(body) else { throw try trouble(body, status) }
        return made.payment_request
    }

    /// Refuses what does not say that it was done.
    static func done(_ body: String, status: Int) throws(LightningTrouble) {
        guard status == 200, let line: Line = read(body), failure(line).number == nil else {
            throw try trouble(body, status)
        }
    }

    /// The last block that the node knows.
    static func height(_ body: String, status: Int) throws(LightningTrouble) -> Int64? {
        guard let node: Node = read(body) else { throw try trouble(body, status) }
        return node.block_height
    }

    /// The node's key.
    static func node(_ body: String, status: Int, network: String) throws(LightningTrouble) -> String {
        guard let node: Node = read(body) else { throw try trouble(body, status) }
        // LND calls the main network so.
        let wanted = network == "bitcoin" ? "mainnet" : network
        guard node.chains.map(\.network) == [wanted] else {
            let said = node.chains.map { StrangersWords.plain($0.network) }.joined(separator: ", ")
            throw .contradiction("the node is on '\(said)', not on '\(wanted)'")
        }
        return StrangersWords.plain(node.identity_pubkey)
    }

    private static func trouble(_ body: String, _ status: Int) throws(LightningTrouble) -> LightningTrouble {
        guard let line: Line = read(body), failure(line).number != nil else {
            throw .silent("HTTP status \(status)")
        }
        return .refused(words(failure(line)))
    }

    private static func failure(_ line: Line) -> Failure {
        line.error ?? Failure(code: line.code, grpc_code: nil, message: line.message)
    }

    private static func words(_ failure: Failure) -> String {
        StrangersWords.plain(failure.message ?? "an error without words")
    }

    private static func read<R: WireValue>(_ body: String) -> R? { try? R.fromJSON(Array(body.utf8)) }
}
