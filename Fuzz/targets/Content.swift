// The doors of content-d: a model file's header, and a manifest or address.
// It must never write a file: bytes go straight to the readers.

import ContentCore

let doors: [String: Door] = [
    "gguf": { ContentFuzz.gguf(Array($0)) },
    "manifest": { ContentFuzz.manifest(Array($0)) },
]
