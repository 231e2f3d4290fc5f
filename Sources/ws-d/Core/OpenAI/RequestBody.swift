// A request's body as the members of one JSON object.
// It must never say of a body that it cannot read more than where it breaks: the body is a person's.

import Wire

/// Reads bodies of the HTTP API.
enum RequestBody {
    /// - Returns: the members in their order.
    static func members(_ body: UnsafeRawBufferPointer) throws(APIError) -> [JSONTree.Member] {
        let tree: JSONTree
        do { tree = try JSONTree.parse(body) } catch { throw malformed(error) }
        guard case .object(let members) = tree else {
            throw APIError(
                400, "The body must be a JSON object, but it is \(tree.kind).", code: "invalid_json")
        }
        return members
    }

    private static func malformed(_ fault: JSONFault) -> APIError {
        let why =
            switch fault {
            case .truncated: "it ends too early"
            case .unexpected(let at): "byte \(at) does not belong there"
            case .tooDeep: "it nests deeper than \(JSONScanner.maximumDepth) levels"
            case .duplicateKey: "an object names a key twice"
            case .notUTF8: "a string is not UTF-8"
            case .badNumber: "a number is not written as JSON numbers are, or is too large"
            }
        return APIError(
            400, "We could not parse the JSON body of your request: \(why).", code: "invalid_json")
    }
}
