// `exec.run` of a job in the clear, read and written by hand: asked and answered once for each own job.
// It must never read or write what is sealed or paid piece by piece: Codable does.

import NodeModel
public import Wire

extension ExecInterface.Run {
    public func write(to writer: inout JSONWriter) throws {
        guard case .plain(let request) = payload, allowance == nil else {
            return try writeByCodable(to: &writer)
        }
        writer.literal("{\"job\":")
        writer.string(job.text)
        writer.literal(",\"max_tokens\":")
        writer.number(maxTokens)
        writer.literal(",\"model\":")
        PlainJSON.string(model, into: &writer.bytes)
        writer.literal(",\"payload\":{\"plain\":{\"_0\":")
        try writer.document(request)
        writer.literal("}}}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var job: JobID?
        var model: String?
        var payload: InferenceRequest?
        var maxTokens: Int?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "job") {
                try s.once(&job) { (s) throws(JSONFault) in try s.job() }
            } else if s.matches(key, "model") {
                try s.once(&model) { (s) throws(JSONFault) in try s.string() }
            } else if s.matches(key, "payload") {
                try s.once(&payload) { (s) throws(JSONFault) in try s.payload() }
            } else if s.matches(key, "max_tokens") {
                try s.once(&maxTokens) { (s) throws(JSONFault) in try s.integer() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let job, let model, let payload, let maxTokens else { throw .truncated }
        self.init(job: job, model: model, payload: .plain(payload), maxTokens: maxTokens)
    }
}

extension JSONScanner {
    /// As Swift spells the case of an enumeration, with nothing beside it.
    fileprivate mutating func payload() throws(JSONFault) -> InferenceRequest {
        var request: InferenceRequest?
        try object { (s, key) throws(JSONFault) in
            guard s.matches(key, "plain") else { throw .unexpected(at: s.position) }
            try s.object { (s, key) throws(JSONFault) in
                guard s.matches(key, "_0") else { throw .unexpected(at: s.position) }
                try s.once(&request) { (s) throws(JSONFault) in try InferenceRequest(plain: &s) }
            }
        }
        guard let request else { throw .truncated }
        return request
    }
}

extension ExecInterface.Run.Reply {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{\"finish\":")
        writer.string(finish.rawValue)
        writer.literal(",\"image\":")
        PlainJSON.string(image, into: &writer.bytes)
        writer.literal(",\"model\":")
        PlainJSON.string(model, into: &writer.bytes)
        writer.literal(",\"model_root\":")
        writer.hex(modelRoot.bytes)
        writer.literal(",\"request_hash\":")
        writer.hex(requestHash.bytes)
        writer.literal(",\"result_hash\":")
        writer.hex(resultHash.bytes)
        writer.literal(",\"timings\":")
        timings.write(into: &writer.bytes)
        writer.literal(",\"usage\":")
        usage.write(into: &writer.bytes)
        writer.literal("}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var model: String?
        var modelRoot: Digest?
        var image: String?
        var requestHash: Digest?
        var resultHash: Digest?
        var usage: Usage?
        var timings: StageTimings?
        var finish: FinishReason?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "model") {
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
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let model, let modelRoot, let image, let requestHash, let resultHash, let usage, let timings,
            let finish
        else { throw .truncated }
        self.init(
            model: model, modelRoot: modelRoot, image: image, requestHash: requestHash,
            resultHash: resultHash, usage: usage, timings: timings, finish: finish)
    }
}
