// What content-d answers: importing files, resolving addresses, verifying what is stored.
// It must never hand out a path whose bytes have not been checked against the address.

public import NodeModel
public import Wire

/// The methods of content-d.
public enum ContentInterface {
    public static let methods: [MethodSpec] = [
        Import.spec, List.spec, Resolve.spec, Verify.spec, Remove.spec,
    ]

    /// One file in the store.
    public struct Entry: WireValue, Hashable {
        /// The name people use, in lower case.
        public var name: String
        /// BEP 52 pieces root.
        public var root: ContentRoot
        /// SHA-256 of the whole file.
        public var sha256: Digest
        /// CIDv1 (raw, sha2-256) of the manifest's canonical JSON.
        public var manifest: String
        /// Bytes.
        public var size: Int64
        /// `gguf`, `safetensors` or `file`.
        public var format: String
        /// From the file's own header where it has one, as `context_length` or `architecture`.
        public var metadata: [String: String]
        /// Unix milliseconds.
        public var addedAt: Int64
        /// Why its bytes cannot be used, when they are known to be damaged.
        public var problem: String?

        enum CodingKeys: String, CodingKey {
            case name, root, sha256, manifest, size, format, metadata, problem
            case addedAt = "added_at"
        }
        public init(
            name: String, root: ContentRoot, sha256: Digest, manifest: String, size: Int64, format: String,
            metadata: [String: String], addedAt: Int64, problem: String? = nil
        ) {
            self.problem = problem
            self.name = name
            self.root = root
            self.sha256 = sha256
            self.manifest = manifest
            self.size = size
            self.format = format
            self.metadata = metadata
            self.addedAt = addedAt
        }

        static var example: Entry {
            let zero = Digest(hashing: "")
            return Entry(
                name: "smollm2-135m-instruct", root: zero, sha256: zero, manifest: "bafkreigh2akiscaildc",
                size: 98_362_432, format: "gguf", metadata: ["context_length": "8192"],
                addedAt: 1_790_000_000_000)
        }
    }

    /// Takes a file into the store. The file's descriptor was handed over on the `handoff` socket under `token`.
    public struct Import: StreamRequest {
        public static let spec = MethodSpec(
            "content.import", deadlineMs: 3_600_000, "Takes a handed-over file into the store.")
        public struct Reply: WireValue, Hashable {
            public var entry: Entry
            /// Whether the same bytes were there already.
            public var existed: Bool
            public init(entry: Entry, existed: Bool) {
                self.entry = entry
                self.existed = existed
            }
        }
        public struct Event: WireValue, Hashable {
            public var done: Int64
            public var total: Int64
            public init(done: Int64, total: Int64) {
                self.done = done
                self.total = total
            }
        }
        /// 32 hexadecimal characters, sent with the descriptor.
        public var token: String
        public var name: String
        public init(token: String, name: String) {
            self.token = token
            self.name = name
        }
        public static var example: (request: Import, reply: Reply) {
            (
                Import(token: "00112233445566778899aabbccddeeff", name: "smollm2-135m-instruct"),
                Reply(entry: .example, existed: false)
            )
        }
        public static var eventExample: Event { Event(done: 1_048_576, total: 98_362_432) }
    }

    /// Everything in the store.
    public struct List: Request {
        public static let spec = MethodSpec("content.list", "Lists the store.")
        public struct Reply: WireValue, Hashable {
            public var entries: [Entry]
            public var usedBytes: Int64
            public var freeBytes: Int64
            enum CodingKeys: String, CodingKey {
                case entries
                case usedBytes = "used_bytes"
                case freeBytes = "free_bytes"
            }
            public init(entries: [Entry], usedBytes: Int64, freeBytes: Int64) {
                self.entries = entries
                self.usedBytes = usedBytes
                self.freeBytes = freeBytes
            }
        }
        public init() {}
        public static var example: (request: List, reply: Reply) {
            (List(), Reply(entries: [.example], usedBytes: 98_362_432, freeBytes: 10_000_000_000))
        }
    }

    /// Finds a file by name, root or manifest, verifies its bytes, and says where it lies.
    public struct Resolve: Request {
        public static let spec = MethodSpec(
            "content.resolve", deadlineMs: 120_000, "Verifies a file and gives its path, read-only.")
        public struct Reply: WireValue, Hashable {
            public var entry: Entry
            public var path: String
            /// How long the check of the bytes took; 0 when the file is unchanged since the last check.
            public var verifyMs: Int64
            enum CodingKeys: String, CodingKey {
                case entry, path
                case verifyMs = "verify_ms"
            }
            public init(entry: Entry, path: String, verifyMs: Int64) {
                self.entry = entry
                self.path = path
                self.verifyMs = verifyMs
            }
        }
        /// A name, a root in hexadecimal, or a manifest's CID.
        public var reference: String
        public init(reference: String) { self.reference = reference }
        public static var example: (request: Resolve, reply: Reply) {
            (
                Resolve(reference: "smollm2-135m-instruct"),
                Reply(entry: .example, path: "/var/lib/infernet/content-d/files/e3b0c442", verifyMs: 61)
            )
        }
    }

    /// Hashes a stored file again, whatever was known of it.
    public struct Verify: Request {
        public static let spec = MethodSpec(
            "content.verify", deadlineMs: 600_000, "Hashes a stored file again.")
        public typealias Reply = Resolve.Reply
        public var reference: String
        public init(reference: String) { self.reference = reference }
        public static var example: (request: Verify, reply: Reply) {
            (Verify(reference: "smollm2-135m-instruct"), Resolve.example.reply)
        }
    }

    /// Takes a file out of the store.
    public struct Remove: Request {
        public static let spec = MethodSpec("content.remove", "Takes a file out of the store.")
        public typealias Reply = Done
        public var reference: String
        public init(reference: String) { self.reference = reference }
        public static var example: (request: Remove, reply: Done) { (Remove(reference: "old-model"), Done()) }
    }
}
