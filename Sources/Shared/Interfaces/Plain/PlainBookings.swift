// `ledger.book_own`, read and written by hand: asked and answered once for each own job.
// It must never leave out a field that it does not know: Codable reads those.

import NodeModel
public import Wire

extension LedgerInterface.BookOwn {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{\"body\":")
        try writer.document(body)
        writer.literal("}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var body: ReceiptBody?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "body") {
                try s.once(&body) { (s) throws(JSONFault) in try ReceiptBody(plain: &s) }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let body else { throw .truncated }
        self.init(body: body)
    }
}

extension LedgerInterface.BookOwn.Reply {
    public func write(to writer: inout JSONWriter) throws {
        writer.literal("{\"bundle\":")
        try writer.document(bundle)
        writer.literal(repeated ? ",\"repeated\":true}" : ",\"repeated\":false}")
    }

    public static func read(_ json: UnsafeRawBufferPointer) throws -> Self {
        try read(json) { (s) throws(JSONFault) in try Self(plain: &s) }
    }

    private init(plain s: inout JSONScanner) throws(JSONFault) {
        var bundle: ReceiptBundle?
        var repeated: Bool?
        try s.object { (s, key) throws(JSONFault) in
            if s.matches(key, "bundle") {
                try s.once(&bundle) { (s) throws(JSONFault) in try ReceiptBundle(plain: &s) }
            } else if s.matches(key, "repeated") {
                try s.once(&repeated) { (s) throws(JSONFault) in try s.bool() }
            } else {
                throw .unexpected(at: s.position)
            }
        }
        guard let bundle, let repeated else { throw .truncated }
        self.init(bundle: bundle, repeated: repeated)
    }
}
