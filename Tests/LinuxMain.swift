// Where the test program begins: Swift Testing only, so that no XCTest discovery (and no index) is needed.
// It must never choose which tests run.

import Testing

@main struct EntryPoint {
    static func main() async { await Testing.__swiftPMEntryPoint() as Never }
}
