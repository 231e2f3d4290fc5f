// The doors of dht-d: one UDP packet, decoded and handled by a node that knows others; and its file of evidence.
// It must never open a socket: the node is the pure state machine.

import DHTCore

let doors: [String: Door] = [
    "krpc": { DHTFuzz.packet($0) }, "evidence-file": { DHTFuzz.evidenceFile($0) },
]
