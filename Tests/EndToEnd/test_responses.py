"""Proves that the unmodified openai client gets its answers by its newer API, /v1/responses, from a real node and a real model,
and that agents of the official Agents SDK run on it as they do on chat completions.
It must never patch the client, nor answer in the engine's place."""

import json
import os
import subprocess
import typing
import unittest

from environment import python
from node import MODEL, docker
from test_api import LONG_STORY, WarmNode, openai, pydantic

QUESTION = "What is 2+2?"
WEATHER = {
    "type": "function", "name": "get_weather", "description": "The weather in a city", "strict": True, "parameters": {
        "type": "object", "properties": {
            "unit": {"enum": ["celsius", "kelvin"]}, "city": {"type": "string", "maxLength": 20}},
        "required": ["unit", "city"], "additionalProperties": False}}
STORY = LONG_STORY[0]["content"]


class Responses(WarmNode):
    """What people's programs do."""

    def respond(self, **more):
        return self.client.responses.create(
            **{"model": MODEL, "input": QUESTION, "temperature": 0, "max_output_tokens": 32, **more})

    def test_an_answer(self):
        answer = self.respond()
        self.assertEqual((answer.object, answer.status, answer.error), ("response", "completed", None))
        self.assertIn("4", answer.output_text)
        (item,) = answer.output
        self.assertEqual((item.type, item.role, item.status), ("message", "assistant", "completed"))
        self.assertGreater(answer.usage.input_tokens, 5)
        self.assertEqual(answer.usage.total_tokens, answer.usage.input_tokens + answer.usage.output_tokens)
        self.assertEqual((answer.model, answer.temperature, answer.store), (MODEL, 0, False))
        told = self.node.ctl("job", "job_" + answer.id.removeprefix("resp_"), check=True).stdout
        self.assertIn("done", told, "the answer's id leads to its job")

    def test_both_apis_ask_the_same(self):
        told = "You are a pirate."
        chat = self.ask(
            messages=[{"role": "system", "content": told}, {"role": "user", "content": QUESTION}])
        answer = self.respond(instructions=told)
        self.assertEqual(answer.output_text, chat.choices[0].message.content)
        self.assertEqual(answer.usage.input_tokens, chat.usage.prompt_tokens)
        self.assertEqual(answer.usage.output_tokens, chat.usage.completion_tokens)

    def test_an_answer_that_is_as_long_as_it_may_be_is_incomplete(self):
        answer = self.respond(input=STORY, max_output_tokens=3)
        self.assertEqual((answer.status, answer.incomplete_details.reason), ("incomplete", "max_output_tokens"))
        self.assertEqual((answer.usage.output_tokens, answer.output[0].status), (3, "incomplete"))

    def test_a_stream_tells_what_the_answer_at_once_does(self):
        whole = self.respond()
        events = list(self.respond(stream=True))
        self.assertEqual([event.sequence_number for event in events], list(range(len(events))))
        self.assertEqual([event.type for event in events[:4]], [
            "response.created", "response.in_progress", "response.output_item.added", "response.content_part.added"])
        self.assertEqual([event.type for event in events[-4:]], [
            "response.output_text.done", "response.content_part.done", "response.output_item.done",
            "response.completed"])
        pieces = [event.delta for event in events if event.type == "response.output_text.delta"]
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), whole.output_text)
        self.assertEqual(events[-1].response.output_text, whole.output_text)
        self.assertEqual(events[-1].response.usage, whole.usage)

    def test_the_clients_own_stream_puts_it_together(self):
        with self.client.responses.stream(
                model=MODEL, input=QUESTION, temperature=0, max_output_tokens=32) as stream:
            for event in stream:
                if event.type == "response.output_text.delta":
                    last = event.snapshot
            final = stream.get_final_response()
        self.assertEqual(final.output_text, last)
        self.assertIn("4", last)

    def test_an_answer_of_a_schema(self):
        class Person(pydantic.BaseModel):
            name: typing.Literal["Ada", "Bob"]
            age: typing.Literal[36, 41]

        asked = {"model": MODEL, "input": "Describe a person as JSON.", "temperature": 0, "max_output_tokens": 200}
        said = self.client.responses.parse(**asked, text_format=Person)
        self.assertIsInstance(said.output_parsed, Person)
        self.assertEqual(list(json.loads(said.output_text)), ["name", "age"], "in the schema's order")
        with self.client.responses.stream(**asked, text_format=Person) as stream:
            self.assertEqual(stream.get_final_response().output_parsed, said.output_parsed)

    def test_a_function_is_called_and_its_result_is_read(self):
        asked = {
            "model": MODEL, "tools": [WEATHER], "tool_choice": "required", "parallel_tool_calls": False,
            "temperature": 0, "max_output_tokens": 200}
        turns = [{"role": "user", "content": "How is the weather in Paris?"}]
        answer = self.client.responses.create(**asked, input=turns)
        (call,) = answer.output
        self.assertEqual((answer.status, call.type, call.name, call.status), (
            "completed", "function_call", "get_weather", "completed"))
        self.assertEqual(list(json.loads(call.arguments)), ["unit", "city"])
        with self.client.responses.stream(**asked, input=turns) as stream:
            pieces = [event.delta for event in stream if event.type == "response.function_call_arguments.delta"]
            streamed = stream.get_final_response().output[0]
        self.assertGreater(len(pieces), 3)
        self.assertEqual("".join(pieces), streamed.arguments)
        self.assertEqual(streamed.arguments, call.arguments)
        # The client gives back what it got, as it got it.
        turns += [item.model_dump() for item in answer.output]
        turns.append({"type": "function_call_output", "call_id": call.call_id, "output": "It rains, 12 degrees."})
        said = self.client.responses.create(**{**asked, "tool_choice": "none"}, input=turns)
        self.assertTrue(said.output_text)
        turns += [item.model_dump() for item in said.output]
        turns.append({"role": "user", "content": "Thanks."})
        again = self.client.responses.create(**{**asked, "tool_choice": "none"}, input=turns)
        self.assertGreater(again.usage.input_tokens, said.usage.input_tokens)

    def test_likelihoods(self):
        answer = self.respond(include=["message.output_text.logprobs"], top_logprobs=2, max_output_tokens=4)
        (part,) = answer.output[0].content
        self.assertEqual("".join(token.token for token in part.logprobs), part.text)
        self.assertTrue(all(token.logprob <= 0 and len(token.top_logprobs) == 2 for token in part.logprobs))

    def test_errors_name_what_is_wrong(self):
        for more, status, code, param in (
            ({"model": "no-such-model"}, 404, "model_not_found", "model"),
            ({"input": "word " * 6000}, 400, "context_length_exceeded", "input"),
            ({"previous_response_id": "resp_1"}, 400, "unsupported_parameter", "previous_response_id"),
            ({"tools": [{"type": "web_search"}]}, 400, "invalid_value", "tools[0].type"),
            ({"temperature": 7}, 400, "invalid_value", "temperature"),
        ):
            for stream in (False, True):
                with self.subTest(more=list(more), stream=stream), self.assertRaises(openai.APIStatusError) as caught:
                    self.respond(stream=stream, **more)
                self.assertEqual(
                    (caught.exception.status_code, caught.exception.code, caught.exception.param),
                    (status, code, param))
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.responses.retrieve("resp_1")
        self.assertEqual(caught.exception.code, "unknown_url")

    def test_an_engine_that_dies_is_a_response_that_failed(self):
        seen = []
        with self.assertRaises(openai.APIError, msg="no client takes the part for the whole"):
            for event in self.respond(stream=True, input=STORY, max_output_tokens=900):
                seen.append(event)
                if len(seen) == 8:
                    for name in self.node.containers():
                        docker("POST", f"/v1.41/containers/{name}/kill")
        self.assertEqual((seen[-1].type, seen[-1].response.status), ("response.failed", "failed"))
        self.assertEqual(seen[-1].response.error.code, "server_error")
        self.assertTrue(seen[-1].response.error.message)
        self.assertIn("4", self.respond().output_text)

    def test_agents_call_functions_and_read_their_results(self):
        interpreter = python("venv-agents", ["openai-agents"])
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "agent.py")
        for api in ("responses", "chat"):
            for way in ("whole", "stream"):
                with self.subTest(api=api, way=way):
                    ran = subprocess.run(
                        [interpreter, script, self.node.url + "/v1", MODEL, api, way], capture_output=True, text=True,
                        timeout=120, check=False)
                    self.assertEqual(ran.returncode, 0, ran.stderr[-2000:])
                    said = json.loads(ran.stdout.splitlines()[-1])
                    self.assertEqual(said["items"], ["tool_call_item", "tool_call_output_item"])
                    (call,) = said["called"]
                    self.assertIsInstance(call["city"], str)
                    self.assertIsInstance(call["kelvin"], bool)
                    self.assertEqual(said["result"], "It rains.")
                    self.assertEqual("tool_called" in said["events"], way == "stream")
                    self.assertTrue(said["words"].strip())
                    self.assertTrue(all(tokens > 0 for tokens in said["tokens"]), said["tokens"])


if __name__ == "__main__":
    unittest.main()
