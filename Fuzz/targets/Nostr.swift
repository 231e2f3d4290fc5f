// The doors of Nostr and of the signed documents of NodeModel.
// It must never hold keys of anyone: the module's own entry points do all the work.

import Nostr

let doors: [String: Door] = [
    "event": { NostrFuzz.event($0) },
    "credit": { NostrFuzz.credit($0) },
    "quote": { NostrFuzz.quote($0) },
    "evidence": { NostrFuzz.evidence($0) },
    "nip19": { NostrFuzz.nip19($0) },
    "nip44": { NostrFuzz.nip44($0) },
    "nip49": { NostrFuzz.nip49($0) },
    "relay": { NostrFuzz.relay($0) },
    "reconciliation": { NostrFuzz.reconciliation($0) },
    "descriptor": { NostrFuzz.descriptor($0) },
    "receipt": { NostrFuzz.receipt($0) },
    "wallet": { NostrFuzz.wallet($0) },
]
