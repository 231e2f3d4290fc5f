// The three queries about evidence (`inf_rput`, `inf_rget`, `inf_rsync`), from and to their arguments.
// It must never let one through without a token: their answers are larger than they are.

public import NodeModel

/// What is asked of whoever holds the evidence on a provider.
public enum EvidenceCall: Equatable, Sendable {
    /// Keep this evidence, in its canonical encoding.
    case put(token: [UInt8], evidence: [UInt8])
    /// Give me these pieces on a provider, by their ids of 32 bytes.
    case get(subject: PublicKey, ids: [[UInt8]], token: [UInt8])
    /// Let us find out which pieces on a provider one of us lacks (NIP-77).
    case sync(subject: PublicKey, message: [UInt8], token: [UInt8])

    /// Most pieces that are asked for at once.
    public static let mostIDs = 16
    /// The longest message of a reconciliation, in bytes: around it a packet needs about 150 more.
    public static let longestMessage = 1_000

    var method: KRPCMethod {
        switch self {
        case .put: .infEvidencePut
        case .get: .infEvidenceGet
        case .sync: .infEvidenceSync
        }
    }

    var token: [UInt8] {
        switch self {
        case .put(let token, _), .get(_, _, let token), .sync(_, _, let token): token
        }
    }

    init(_ method: KRPCMethod, _ arguments: BValue, token: [UInt8]) throws(KRPCError) {
        if method == .infEvidencePut {
            guard let evidence = arguments.entry("e")?.encoded else { throw .notEvidence }
            self = .put(token: token, evidence: Array(evidence))
            return
        }
        guard let subject = arguments["k"]?.bytes.flatMap({ PublicKey(bytes: Array($0)) }) else {
            throw KRPCError(.protocolError, "k is a key of 32 bytes")
        }
        if method == .infEvidenceGet {
            guard let ids = arguments["h"]?.bytes, !ids.isEmpty, ids.count.isMultiple(of: 32),
                ids.count <= 32 * Self.mostIDs
            else { throw KRPCError(.protocolError, "h is 1 to \(Self.mostIDs) ids of 32 bytes") }
            let bytes = Array(ids)
            self = .get(
                subject: subject,
                ids: stride(from: 0, to: bytes.count, by: 32).map { Array(bytes[$0..<$0 + 32]) }, token: token
            )
        } else {
            guard let message = arguments["m"]?.bytes, !message.isEmpty,
                message.count <= Self.longestMessage
            else { throw KRPCError(.protocolError, "m has 1 to \(Self.longestMessage) bytes") }
            self = .sync(subject: subject, message: Array(message), token: token)
        }
    }

    /// Writes the arguments, keys in canonical order.
    func write(sender: NodeID, to writer: inout BencodeWriter) {
        func field(_ name: StaticString, _ bytes: [UInt8]) {
            writer.key(name)
            writer.bytes(bytes)
        }
        switch self {
        case .put(let token, let evidence):
            writer.key("e")
            writer.raw(evidence)
            field("id", sender.bytes)
            field("token", token)
        case .get(let subject, let ids, let token):
            field("h", ids.flatMap(\.self))
            field("id", sender.bytes)
            field("k", subject.bytes)
            field("token", token)
        case .sync(let subject, let message, let token):
            field("id", sender.bytes)
            field("k", subject.bytes)
            field("m", message)
            field("token", token)
        }
    }
}

extension KRPCError {
    static let notEvidence = KRPCError(.protocolError, "not evidence")
    static let evidenceTooBig = KRPCError(
        .tooBig, "evidence has at most \(EvidenceStore.maximumSize) bytes")
    static let evidenceExpired = KRPCError(.protocolError, "too old, or made in the future")
    static let newerEvidence = KRPCError(.outdated, "newer evidence of this client is stored")
    static let badReconciliation = KRPCError(.protocolError, "m is no message of a reconciliation")
    static let evidenceFull = KRPCError(.slowDown, "no room for more evidence")
    static let evidenceRange = KRPCError(.slowDown, "too much evidence from this address range")
}
