// Signed events as text in the journal.
// It must never change a byte of what was signed.

import Interfaces
import NodeModel
import Wire

enum JournalJSON {
    static func text(_ event: SignedEvent) throws -> String {
        String(decoding: try event.jsonBytes(), as: UTF8.self)
    }

    static func event(_ text: String) throws -> SignedEvent { try SignedEvent.fromJSON(Array(text.utf8)) }
}
