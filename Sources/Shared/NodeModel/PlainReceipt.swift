// Events, receipts and what stands in them, written by hand: each own job writes its receipt seven times.
// It must never spell one otherwise than Codable: these bytes are hashed and signed.

extension SignedEvent: PlainDocument {
    public func write(into out: inout [UInt8]) -> Bool {
        PlainJSON.literal("{\"content\":", into: &out)
        PlainJSON.string(content, into: &out)
        PlainJSON.literal(",\"created_at\":", into: &out)
        PlainJSON.integer(createdAt, into: &out)
        PlainJSON.literal(",\"id\":", into: &out)
        PlainJSON.string(id, into: &out)
        PlainJSON.literal(",\"kind\":", into: &out)
        PlainJSON.integer(kind, into: &out)
        PlainJSON.literal(",\"pubkey\":", into: &out)
        PlainJSON.hex(pubkey.bytes, into: &out)
        PlainJSON.literal(",\"sig\":", into: &out)
        PlainJSON.string(sig, into: &out)
        PlainJSON.literal(",\"tags\":[", into: &out)
        for (place, tag) in tags.enumerated() {
            if place > 0 { PlainJSON.literal(",", into: &out) }
            PlainJSON.strings(tag, into: &out)
        }
        PlainJSON.literal("]}", into: &out)
        return true
    }
}

extension ReceiptBundle: PlainDocument {
    public func write(into out: inout [UInt8]) -> Bool {
        PlainJSON.literal("{", into: &out)
        if let acceptance {
            PlainJSON.literal("\"acceptance\":", into: &out)
            guard acceptance.write(into: &out) else { return false }
            PlainJSON.literal(",", into: &out)
        }
        PlainJSON.literal("\"receipt\":", into: &out)
        guard receipt.write(into: &out) else { return false }
        PlainJSON.literal("}", into: &out)
        return true
    }
}

extension ReceiptBody: PlainDocument {
    public func write(into out: inout [UInt8]) -> Bool {
        PlainJSON.literal("{\"client\":", into: &out)
        PlainJSON.hex(client.bytes, into: &out)
        PlainJSON.literal(",\"finish\":", into: &out)
        PlainJSON.string(finish.rawValue, into: &out)
        PlainJSON.literal(",\"finished_at\":", into: &out)
        PlainJSON.integer(finishedAt, into: &out)
        PlainJSON.literal(",\"image\":", into: &out)
        PlainJSON.string(image, into: &out)
        PlainJSON.literal(",\"job\":", into: &out)
        PlainJSON.string(job.text, into: &out)
        PlainJSON.literal(",\"model\":", into: &out)
        PlainJSON.string(model, into: &out)
        PlainJSON.literal(",\"model_root\":", into: &out)
        PlainJSON.hex(modelRoot.bytes, into: &out)
        PlainJSON.literal(",\"price\":", into: &out)
        PlainJSON.integer(price, into: &out)
        PlainJSON.literal(",\"provider\":", into: &out)
        PlainJSON.hex(provider.bytes, into: &out)
        PlainJSON.literal(",\"request_hash\":", into: &out)
        PlainJSON.hex(requestHash.bytes, into: &out)
        PlainJSON.literal(",\"result_hash\":", into: &out)
        PlainJSON.hex(resultHash.bytes, into: &out)
        PlainJSON.literal(",\"timings\":", into: &out)
        timings.write(into: &out)
        PlainJSON.literal(",\"unit_price\":{\"asset\":", into: &out)
        PlainJSON.string(unitPrice.asset.rawValue, into: &out)
        PlainJSON.literal(",\"completion\":", into: &out)
        PlainJSON.integer(unitPrice.completion, into: &out)
        PlainJSON.literal(",\"prompt\":", into: &out)
        PlainJSON.integer(unitPrice.prompt, into: &out)
        PlainJSON.literal("},\"usage\":", into: &out)
        usage.write(into: &out)
        PlainJSON.literal(",\"version\":", into: &out)
        PlainJSON.integer(version, into: &out)
        PlainJSON.literal("}", into: &out)
        return true
    }
}

extension Usage {
    public func write(into out: inout [UInt8]) {
        PlainJSON.literal("{\"completion_tokens\":", into: &out)
        PlainJSON.integer(completionTokens, into: &out)
        PlainJSON.literal(",\"prompt_tokens\":", into: &out)
        PlainJSON.integer(promptTokens, into: &out)
        PlainJSON.literal("}", into: &out)
    }
}

extension StageTimings {
    public func write(into out: inout [UInt8]) {
        PlainJSON.literal("{\"first_token_ms\":", into: &out)
        PlainJSON.integer(firstTokenMs, into: &out)
        PlainJSON.literal(",\"generate_ms\":", into: &out)
        PlainJSON.integer(generateMs, into: &out)
        PlainJSON.literal(",\"load_ms\":", into: &out)
        PlainJSON.integer(loadMs, into: &out)
        PlainJSON.literal(",\"queue_ms\":", into: &out)
        PlainJSON.integer(queueMs, into: &out)
        PlainJSON.literal("}", into: &out)
    }
}
