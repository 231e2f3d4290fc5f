// Which domain values may stand in messages.
// It must never add behaviour to them.

public import NodeModel
public import Wire

extension PublicKey: WireValue {}
extension ProviderCard: WireValue {}
extension SealedPayload: WireValue {}
