// The doors of exec-d: what an engine answers.
// It must never start an engine: parsing is all that is tried here.

import ExecCore

let doors: [String: Door] = [
    "engine-answer": { ExecFuzz.answer($0) },
    "engine-guess": { ExecFuzz.guess($0) },
    "engine-written": { ExecFuzz.written($0) },
]
