// Proves that schemas are taken as people's programs write them, and that none is that an engine would be kept busy by.

import NodeModel
import Testing

@testable import ExecCore

@Suite struct SchemaRulesTests {
    private func refusal(_ schema: String) -> String? {
        do throws(SchemaRules.Refusal) {
            try SchemaRules.check(schema)
            return nil
        } catch { return error.message }
    }

    /// Keywords are only keywords where a schema stands: a member may be named like one.
    @Test(arguments: [
        "{}", #"{"type":"object","properties":{"pattern":{"type":"string"},"maxItems":{"const":9999}}}"#,
        #"{"const":{"pattern":"x","maxLength":9999}}"#, #"{"enum":["pattern",{"pattern":"(a{9}){9}"}]}"#,
        ##"{"$defs":{"pattern":{"items":{"$ref":"#/$defs/pattern"},"maxItems":256}},"$ref":"#/$defs/pattern"}"##,
        #"{"anyOf":[{"type":"null"},{"type":"integer","minimum":-5,"maximum":100000}],"additionalProperties":false}"#,
        #"{"type":["string","null"],"title":"x","required":["a","b"],"minLength":1.5}"#,
    ]) func whatProgramsWriteIsTaken(schema: String) {
        #expect(refusal(schema) == nil)
    }

    @Test(arguments: [
        #"{"pattern":"^a$"}"#, #"{"\u0070attern":"^a$"}"#, #"{"properties":{"a":{"pattern":"a"}}}"#,
        #"{"items":[{"pattern":"a"}]}"#, #"{"allOf":[true,{"not":{"pattern":"a"}}]}"#,
        ##"{"$defs":{"a":{"anyOf":[{"pattern":"a"}]}},"items":{"$ref":"#/$defs/a"}}"##,
        #"{"patternProperties":{"a":{}}}"#,
        #"{"additionalProperties":{"pattern":"a"}}"#, #"{"whatever":{"pattern":"a"}}"#,
    ]) func patternsAreFoundWhereverASchemaCanStand(schema: String) {
        #expect(refusal(schema)?.contains("attern") == true)
    }

    @Test(arguments: ["minItems", "maxItems", "minLength", "maxLength"])
    func countsHaveABound(keyword: String) {
        #expect(refusal(#"{"\#(keyword)":256}"#) == nil)
        #expect(refusal(#"{"\#(keyword)":257}"#)?.contains(keyword) == true)
        #expect(refusal(#"{"items":{"\#(keyword)":99999999999}}"#)?.contains(keyword) == true)
    }

    private func values(_ count: Int) -> String { (0..<count).map { "\($0)" }.joined(separator: ",") }
    private func members(_ count: Int) -> String {
        (0..<count).map { #""p\#($0)":{}"# }.joined(separator: ",")
    }

    /// Sixty definitions of which each refers twice to the next are 2^60 ways through.
    @Test func aDefinitionCountsWhereverItIsReferredTo() {
        func chain(_ length: Int) -> String {
            let links = (0..<length).map {
                ##""d\##($0)":{"anyOf":[{"$ref":"#/$defs/d\##($0 + 1)"},{"$ref":"#/$defs/d\##($0 + 1)"}]}"##
            }
            return
                ##"{"$ref":"#/$defs/d0","$defs":{\##(links.joined(separator: ",")),"d\##(length)":{"type":"null"}}}"##
        }
        #expect(refusal(chain(6)) == nil)
        #expect(refusal(chain(60))?.contains("members and values") == true)
        #expect(
            refusal(##"{"definitions":{"a":{"items":{"$ref":"#/definitions/a"}}},"$ref":"#/definitions/a"}"##)
                == nil)
        for other in ["#", "#/$defs/b", "https://example.org/s", "#/properties/a"] {
            #expect(
                refusal(#"{"properties":{"a":{}},"items":{"$ref":"\#(other)"}}"#)?.contains("$ref") == true)
        }
    }

    @Test func neitherWideNorManyAreTaken() {
        #expect(refusal(#"{"enum":[\#(values(128))]}"#) == nil)
        #expect(refusal(#"{"enum":[\#(values(129))]}"#)?.contains("in one place") == true)
        #expect(refusal(#"{"properties":{\#(members(128))}}"#) == nil)
        #expect(refusal(#"{"properties":{\#(members(129))}}"#)?.contains("in one place") == true)
        let wide = (0..<9).map { _ in #"{"enum":[\#(values(120))]}"# }.joined(separator: ",")
        #expect(refusal(#"{"anyOf":[\#(wide)]}"#)?.contains("members and values") == true)
        let long = String(repeating: "x", count: AnswerFormat.longestSchema)
        #expect(refusal(#"{"title":"\#(long)"}"#)?.contains("bytes") == true)
    }
}
