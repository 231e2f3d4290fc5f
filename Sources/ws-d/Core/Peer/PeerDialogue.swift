// What a connection becomes once both keys are proved: one side asks, the other answers.
// It must never exist before that.

import Wire

/// The conversation on an authenticated connection.
protocol PeerDialogue: AnyObject {
    /// One whole message.
    func take(_ message: UnsafeRawBufferPointer)
    /// The connection is gone; nothing more will come.
    func lost(_ error: WireError)
    /// Whether anything is under way.
    var isBusy: Bool { get }
}
