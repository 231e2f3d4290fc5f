// Writes the list of models as OpenAI's API does, with what this network knows beside it.
// It must never list a model that cannot be asked for.

import Interfaces
import NodeModel
import Wire

/// The bodies of `GET /v1/models` and `GET /v1/models/{id}`.
enum ModelsWriter {
    static func list(_ models: [AggregatorInterface.Models.Model], _ writer: inout JSONWriter) {
        writer.literal("{\"object\":\"list\",\"data\":[")
        for (i, model) in models.enumerated() {
            if i > 0 { writer.literal(",") }
            one(model, &writer)
        }
        writer.literal("]}")
    }

    /// One model; `root`, `context_length`, `local` and `providers` are this network's own.
    static func one(_ model: AggregatorInterface.Models.Model, _ writer: inout JSONWriter) {
        writer.literal("{\"id\":")
        writer.string(model.name)
        writer.literal(",\"object\":\"model\",\"created\":")
        writer.number(Int(model.addedAt / 1_000))
        writer.literal(",\"owned_by\":")
        writer.string(model.local ? "this-node" : "network")
        writer.literal(",\"root\":")
        writer.string(model.root.hex)
        if let context = model.context {
            writer.literal(",\"context_length\":")
            writer.number(context)
        }
        writer.literal(",\"local\":")
        if model.local { writer.literal("true") } else { writer.literal("false") }
        writer.literal(",\"providers\":")
        writer.number(model.providers)
        writer.literal("}")
    }
}
