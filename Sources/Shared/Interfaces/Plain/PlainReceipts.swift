// Events and receipts in messages, read and written by hand.
// It must never be where their signatures are believed.

public import NodeModel
public import Wire

extension SignedEvent: WireValue {
    public func write(to writer: inout JSONWriter) throws { try writer.document(self) }
    public static func read(_ json: UnsafeRawBufferPointer) throws -> SignedEvent {
        try read(json) { (s) throws(JSONFault) in try SignedEvent(plain: &s) }
    }

    init(plain s: inout JSONScanner) throws(JSONFault) {
        var id: String?
        var author: PublicKey?
        var createdAt: Int64?
        var kind: Int?
        var tags: [[String]]?
        var content: String?
        var sig: String?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "id") {
                try s.once(&id) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "pubkey") {
                try s.once(&author) { (s) throws(JSONFault) in try s.key() }
            } else if s.matches(key, "created_at") {
                try s.once(&createdAt) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "kind") {
                try s.once(&kind) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "tags") {
                try s.once(&tags) { (s) throws(JSONFault) in try s.tags() }
            } else if s.matches(key, "content") {
                try s.once(&content) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "sig") {
                try s.once(&sig) { (s) throws(JSONFault) in try s.string() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let id, let author, let createdAt, let kind, let tags, let content, let sig else {
            throw .truncated
        }
        self.init(
            id: id, pubkey: author, createdAt: createdAt, kind: kind, tags: tags, content: content, sig: sig)
    }
}

extension JSONScanner {
    fileprivate mutating func tags() throws(JSONFault) -> [[String]] {
        var tags: [[String]] = []
        try array { (s) throws(JSONFault) in tags.append(try s.strings()) }
        return tags
    }
}

extension ReceiptBundle: WireValue {
    public func write(to writer: inout JSONWriter) throws { try writer.document(self) }
    public static func read(_ json: UnsafeRawBufferPointer) throws -> ReceiptBundle {
        try read(json) { (s) throws(JSONFault) in try ReceiptBundle(plain: &s) }
    }

    init(plain s: inout JSONScanner) throws(JSONFault) {
        var receipt: SignedEvent?
        var acceptance: SignedEvent?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "receipt") {
                try s.once(&receipt) { (s) throws(JSONFault) in try SignedEvent(plain: &s) }
            } else if s.matches(key, "acceptance") {
                try s.once(&acceptance) { (s) throws(JSONFault) in try SignedEvent(plain: &s) }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let receipt else { throw .truncated }
        self.init(receipt: receipt, acceptance: acceptance)
    }
}

extension ReceiptBody: WireValue {
    public func write(to writer: inout JSONWriter) throws { try writer.document(self) }
    public static func read(_ json: UnsafeRawBufferPointer) throws -> ReceiptBody {
        try read(json) { (s) throws(JSONFault) in try ReceiptBody(plain: &s) }
    }

    init(plain s: inout JSONScanner) throws(JSONFault) {
        var version: Int?
        var job: JobID?
        var provider: PublicKey?
        var client: PublicKey?
        var model: String?
        var modelRoot: Digest?
        var image: String?
        var requestHash: Digest?
        var resultHash: Digest?
        var usage: Usage?
        var timings: StageTimings?
        var finish: FinishReason?
        var unitPrice: UnitPrice?
        var price: Int64?
        var finishedAt: Int64?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "version") {
                try s.once(&version) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "job") {
                try s.once(&job) { (s) throws(JSONFault) in try s.job() }
            } else if s.matches(key, "provider") {
                try s.once(&provider) { (s) throws(JSONFault) in try s.key() }
            } else if s.matches(key, "client") {
                try s.once(&client) { (s) throws(JSONFault) in try s.key() }
            } else if s.matches(key, "model") {
                try s.once(&model) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "model_root") {
                try s.once(&modelRoot) { (s) throws(JSONFault) in try s.digest() }
            } else if s.matches(key, "image") {
                try s.once(&image) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "request_hash") {
                try s.once(&requestHash) { (s) throws(JSONFault) in try s.digest() }
            } else if s.matches(key, "result_hash") {
                try s.once(&resultHash) { (s) throws(JSONFault) in try s.digest() }
            } else if s.matches(key, "usage") {
                try s.once(&usage) { (s) throws(JSONFault) in try s.usage() }
            } else if s.matches(key, "timings") {
                try s.once(&timings) { (s) throws(JSONFault) in try s.timings() }
            } else if s.matches(key, "finish") {
                try s.once(&finish) { (s) throws(JSONFault) in try s.finish() }
            } else if s.matches(key, "unit_price") {
                try s.once(&unitPrice) { (s) throws(JSONFault) in try s.unitPrice() }
            } else if s.matches(key, "price") {
                try s.once(&price) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "finished_at") {
                try s.once(&finishedAt) { (s) throws(JSONFault) in try s.integer() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let version, let job, let provider, let client, let model, let modelRoot, let image,
            let requestHash, let resultHash, let usage, let timings, let finish, let unitPrice, let price,
            let finishedAt
        else { throw .truncated }
        self.init(
            job: job, provider: provider, client: client, model: model, modelRoot: modelRoot, image: image,
            requestHash: requestHash, resultHash: resultHash, usage: usage, timings: timings, finish: finish,
            unitPrice: unitPrice, price: price, finishedAt: finishedAt)
        self.version = version
    }
}
