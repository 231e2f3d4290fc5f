// One receipt's body for tests: who worked for whom is theirs to say, the rest is always the same.
// It must never be signed with a key that anybody has.

import NodeModel
import Nostr
import Testing

enum ReceiptSample {
    static func body(_ provider: SecretKey, for client: SecretKey) throws -> ReceiptBody {
        ReceiptBody(
            job: try #require(JobID("job_0199d0c2a4b50000000000000000beef")), provider: provider.publicKey,
            client: client.publicKey, model: "smollm2-135m-instruct", modelRoot: Digest(hashing: "model"),
            image: "sha256:" + Digest(hashing: "image").hex, requestHash: Digest(hashing: "request"),
            resultHash: Digest(hashing: "answer"), usage: Usage(promptTokens: 30, completionTokens: 12),
            timings: StageTimings(queueMs: 1, loadMs: 0, firstTokenMs: 20, generateMs: 300), finish: .stop,
            unitPrice: UnitPrice(prompt: 1, completion: 2), price: 54, finishedAt: 1_790_000_000)
    }
}
