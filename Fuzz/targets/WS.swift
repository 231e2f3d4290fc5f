// The doors of ws-d: an HTTP client's body, and another node's message.
// It must never open a socket: parsing is all that is tried here.

import WSCore

let doors: [String: Door] = [
    "http-json": { WSFuzz.chatRequest($0) },
    "http-responses": { WSFuzz.responsesRequest($0) },
    "peer": { WSFuzz.peerFrame($0) },
]
