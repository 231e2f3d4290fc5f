// How an answer that came from elsewhere looks to this node's own engine: the model reads it word by word.
// It must never be asked for another node's people, nor keep one of this node's own waiting.

public import NodeModel
public import Wire

extension ExecInterface {
    /// Has the engine read a question and somebody's answer, and tells at some places what it would have said there.
    /// Only an idle slot does this, and gives up when a job wants it.
    public struct Score: Request {
        public static let spec = MethodSpec(
            "exec.score", deadlineMs: 120_000, maxRequestBytes: 4 * 1024 * 1024,
            "Tells how likely an answer is by this node's own engine.")

        /// One place of the answer.
        public struct Mark: WireValue, Hashable {
            /// Tokens before it.
            public var place: Int
            /// How much less likely the answer's text is than the likeliest token, as the difference of their logarithms: of the
            /// likeliest token with which the rest of the answer begins. 0 when that is the likeliest of all; where none of the
            /// likeliest 64 begins it, the last of these is told, so that it is at least so much.
            public var gap: Double
            public init(place: Int, gap: Double) {
                self.place = place
                self.gap = gap
            }
        }
        public struct Reply: WireValue, Hashable {
            /// The image that read it.
            public var image: String
            /// Tokens of the answer, as the engine cuts it.
            public var tokens: Int
            /// By place; that at `tokens` says how likely it is that the answer ends there.
            public var marks: [Mark]
            public init(image: String, tokens: Int, marks: [Mark]) {
                self.image = image
                self.tokens = tokens
                self.marks = marks
            }
        }

        public var job: JobID
        /// The model's root in hexadecimal.
        public var model: String
        public var request: InferenceRequest
        public var answer: String
        /// Whether the answer ended by itself, so that its end is looked at, too.
        public var ended: Bool
        /// Places that are looked at, drawn by lot; all of a shorter answer.
        public var places: Int
        public init(
            job: JobID, model: String, request: InferenceRequest, answer: String, ended: Bool, places: Int
        ) {
            self.job = job
            self.model = model
            self.request = request
            self.answer = answer
            self.ended = ended
            self.places = places
        }
        public static var example: (request: Score, reply: Reply) {
            let request = InferenceRequest(
                model: "smollm2-135m-instruct", messages: [ChatMessage(role: "user", content: "Hello")])
            return (
                Score(
                    job: LedgerInterface.exampleBody.job, model: Digest(hashing: "").hex, request: request,
                    answer: "Hello! How can I help you?", ended: true, places: 64),
                Reply(
                    image: "sha256:" + Digest(hashing: "").hex, tokens: 8,
                    marks: [Mark(place: 3, gap: 0.25), Mark(place: 8, gap: 0)])
            )
        }
    }
}
