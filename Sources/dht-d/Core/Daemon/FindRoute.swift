// Searching for cards: from what is wished for to a topic and bounds, and the answer in words.
// It must never widen a search that was bounded: who wants a device gets no other.

import IPC
import Interfaces
import NodeModel
import Wire

/// Serves `dht.find`.
struct FindRoute: Sendable {
    /// The running node, or the reason why there is none.
    let shell: @Sendable () throws -> DHTShell

    func add(to router: inout Router) {
        router.on(DHTInterface.Find.self) { request, _ in try await find(request) }
    }

    private func find(_ request: DHTInterface.Find) async throws -> DHTInterface.Find.Reply {
        let (topic, filter) = try Self.wanted(request)
        let most = DHTInterface.Find.mostCards
        guard (1...most).contains(request.limit) else {
            throw WireError(.invalidParams, "The limit must be from 1 to \(most), not \(request.limit).")
        }
        let report = try await shell().find(
            topic, limit: request.limit, filter: filter)
        var leftOut = report.leftOut
        if report.timedOut > 0 { leftOut.append("nodes that did not answer: \(report.timedOut)") }
        if report.cards.isEmpty { leftOut.append(report.summary) }
        return DHTInterface.Find.Reply(
            cards: report.cards, asked: report.answered, holders: report.holders, leftOut: leftOut)
    }

    /// Where to look, and by which bounds. There is no topic for a root on a device: that is a bound of the root's.
    private static func wanted(_ request: DHTInterface.Find) throws -> (Topic, ProviderFilter) {
        var filter = request.filter ?? ProviderFilter()
        var device: DeviceClass?
        if let text = request.device {
            device = DeviceClass(text)
            guard device != nil else {
                throw WireError(
                    .invalidParams, "'\(text.prefix(80))' is no class of accelerators.",
                    fix: "As nvidia-h200.")
            }
        }
        if let key = request.provider { return (.provider(key), filter) }
        if let device, request.model.isEmpty { return (.device(device), filter) }
        if let root = ContentRoot(hex: request.model) {
            filter.device = device?.text ?? filter.device
            return (.model(root), filter)
        }
        guard let topic = Topic(device.map { "mg/\($0)/\(request.model)" } ?? "n/\(request.model)") else {
            throw WireError(
                .invalidParams, "'\(request.model.prefix(80))' is no model's name or root.",
                fix: "A name has 1 to \(Topic.maximumNameLength) bytes, a root 64 hexadecimal characters.")
        }
        return (topic, filter)
    }
}
