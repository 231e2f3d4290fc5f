// Which domain values may stand in messages.
// It must never add behaviour to them.

public import NodeModel
public import Wire

extension PublicKey: WireValue {}
extension SignedEvent: WireValue {}
extension ProviderCard: WireValue {}
extension ReceiptBody: WireValue {}
extension ReceiptBundle: WireValue {}
extension InferenceRequest: WireValue {}
extension SealedPayload: WireValue {}
