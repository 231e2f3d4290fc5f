// `aggregator.submit` and the record of a job, read and written by hand: asked and answered once for each job from the API.
// It must never leave out a field that it does not know: Codable reads those.

import NodeModel
public import Wire

extension AggregatorInterface.Submit {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{")
        if let provider {
            writer.literal("\"provider\":")
            writer.hex(provider.bytes)
            writer.literal(",")
        }
        writer.literal("\"request\":")
        try writer.document(request)
        writer.literal("}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var request: InferenceRequest?
        var provider: PublicKey?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "request") {
                try s.once(&request) { (s) throws(JSONFault) in try InferenceRequest(plain: &s) }
            } else if s.matches(key, "provider") {
                try s.once(&provider) { (s) throws(JSONFault) in try s.key() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let request else { throw .truncated }
        self.init(request: request, provider: provider)
    }
}

extension AggregatorInterface.Submit.Reply {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{\"finish\":")
        writer.string(finish.rawValue)
        writer.literal(",\"model_root\":")
        writer.hex(modelRoot.bytes)
        writer.literal(",\"receipt\":")
        try writer.document(receipt)
        writer.literal(",\"record\":")
        try record.write(to: &writer)
        writer.literal("}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var record: AggregatorInterface.Record?
        var finish: FinishReason?
        var modelRoot: Digest?
        var receipt: ReceiptBundle?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "record") {
                try s.once(&record) { (s) throws(JSONFault) in try AggregatorInterface.Record(plain: &s) }
            } else if s.matches(key, "finish") {
                try s.once(&finish) { (s) throws(JSONFault) in try s.finish() }
            } else if s.matches(key, "model_root") {
                try s.once(&modelRoot) { (s) throws(JSONFault) in try s.digest() }
            } else if s.matches(key, "receipt") {
                try s.once(&receipt) { (s) throws(JSONFault) in try ReceiptBundle(plain: &s) }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let record, let finish, let modelRoot, let receipt else { throw .truncated }
        self.init(record: record, finish: finish, modelRoot: modelRoot, receipt: receipt)
    }
}

extension AggregatorInterface.Record {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{")
        if let asset {
            writer.literal("\"asset\":")
            PlainJSON.string(asset.rawValue, into: &writer.bytes)
            writer.literal(",")
        }
        writer.literal("\"created_at\":")
        PlainJSON.integer(createdAt, into: &writer.bytes)
        if let fix {
            writer.literal(",\"fix\":")
            PlainJSON.string(fix, into: &writer.bytes)
        }
        writer.literal(",\"job\":")
        writer.string(job.text)
        writer.literal(",\"model\":")
        PlainJSON.string(model, into: &writer.bytes)
        if let peer {
            writer.literal(",\"peer\":")
            writer.hex(peer.bytes)
        }
        if let price {
            writer.literal(",\"price\":")
            PlainJSON.integer(price, into: &writer.bytes)
        }
        if let quote {
            writer.literal(",\"quote\":")
            PlainJSON.string(quote, into: &writer.bytes)
        }
        writer.literal(",\"reason\":")
        PlainJSON.string(reason, into: &writer.bytes)
        writer.literal(",\"side\":")
        writer.string(side.rawValue)
        writer.literal(",\"state\":")
        writer.string(state.rawValue)
        if let timings {
            writer.literal(",\"timings\":")
            timings.write(into: &writer.bytes)
        }
        writer.literal(",\"updated_at\":")
        PlainJSON.integer(updatedAt, into: &writer.bytes)
        if let usage {
            writer.literal(",\"usage\":")
            usage.write(into: &writer.bytes)
        }
        writer.literal("}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    fileprivate init(plain s: inout JSONScanner) throws(JSONFault) {
        var job: JobID?
        var side: AggregatorInterface.Side?
        var state: AggregatorInterface.State?
        var reason: String?
        var fix: String?
        var model: String?
        var peer: PublicKey?
        var createdAt: Int64?
        var updatedAt: Int64?
        var usage: Usage?
        var timings: StageTimings?
        var price: Int64?
        var asset: String?
        var quote: String?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "job") {
                try s.once(&job) { (s) throws(JSONFault) in try s.job() }
            } else if s.matches(key, "side") {
                try s.once(&side) { (s) throws(JSONFault) in
                    try s.spelled { AggregatorInterface.Side(rawValue: $0) }
                }
            } else if s.matches(key, "state") {
                try s.once(&state) { (s) throws(JSONFault) in
                    try s.spelled { AggregatorInterface.State(rawValue: $0) }
                }
            } else if s.matches(key, "reason") {
                try s.once(&reason) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "fix") {
                try s.once(&fix) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "model") {
                try s.once(&model) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "peer") {
                try s.once(&peer) { (s) throws(JSONFault) in try s.key() }
            } else if s.matches(key, "created_at") {
                try s.once(&createdAt) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "updated_at") {
                try s.once(&updatedAt) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "usage") {
                try s.once(&usage) { (s) throws(JSONFault) in try s.usage() }
            } else if s.matches(key, "timings") {
                try s.once(&timings) { (s) throws(JSONFault) in try s.timings() }
            } else if s.matches(key, "price") {
                try s.once(&price) { (s) throws(JSONFault) in try s.integer() }
            } else if s.matches(key, "asset") {
                try s.once(&asset) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "quote") {
                try s.once(&quote) { (s) throws(JSONFault) in try s.string() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let job, let side, let state, let reason, let model, let createdAt, let updatedAt else {
            throw .truncated
        }
        self.init(
            job: job, side: side, state: state, reason: reason, fix: fix, model: model, peer: peer,
            createdAt: createdAt, updatedAt: updatedAt, usage: usage, timings: timings, price: price,
            asset: asset.map(Asset.init(rawValue:)), quote: quote)
    }
}
