// What the APIs that give answers have in common: a request that was understood, and the form in which its answer is written.
// It must never know of more than bytes: who answers, and for what, is not a form's affair.

import NodeModel
import Wire

/// A request for an answer, in one of the APIs.
protocol AnswerRequest: Sendable {
    var inference: InferenceRequest { get }
    /// Whether the answer is wanted while it comes.
    var stream: Bool { get }
    /// Where it came in.
    var route: Route { get }
    /// The parameter that holds the prompt, for an error that is about it.
    var prompt: String { get }

    /// - Parameters:
    ///   - job: the job that answers; nil when it was never said.
    ///   - created: Unix seconds.
    func form(job: JobID?, created: Int64) -> any AnswerForm
}

/// Writes one answer, either as `whole`, or as `begin`, any number of `delta`, and `end` or `failure`.
protocol AnswerForm: Sendable {
    /// About so many bytes of the answer are kept until its end.
    var held: Int { get }

    /// What comes before the first piece.
    mutating func begin(_ writer: inout JSONWriter)
    /// A piece of the answer.
    mutating func delta(_ piece: AnswerPiece, _ writer: inout JSONWriter)
    /// What says that the answer is complete, or as long as it may be.
    mutating func end(_ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter)
    /// What says that there will be no more of it.
    mutating func failure(_ error: APIError, _ writer: inout JSONWriter)

    func whole(_ answer: WholeAnswer, _ finish: FinishReason, usage: Usage?, _ writer: inout JSONWriter)
}

extension AnswerForm {
    var held: Int { 0 }
}
