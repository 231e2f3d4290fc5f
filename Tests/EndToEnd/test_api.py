"""Proves that the unmodified openai client, curl's kind of HTTP and infernetctl all work against one real node.
It must never patch the client, nor answer in the engine's place."""

import importlib
import json
import os
import re
import socket
import subprocess
import tempfile
import threading
import time
import typing
import unittest

import openai_client
from ipc_client import Refused
from node import BIN, DAEMONS, IMAGE, MODEL, Node, docker, eventually

openai = openai_client.load()
pydantic = importlib.import_module("pydantic")  # openai brings it

QUESTION = [{"role": "user", "content": "What is 2+2?"}]
LONG_STORY = [{"role": "user", "content": "Write a very long story about a ship. Never stop."}]
WEATHER = [{"role": "user", "content": "How is the weather in Paris?"}]
TOOLS = [
    {"type": "function", "function": {
        "name": "get_weather", "description": "The weather in a city", "strict": True, "parameters": {
            "type": "object", "properties": {
                "unit": {"enum": ["celsius", "kelvin"]}, "city": {"$ref": "#/$defs/City"}},
            "required": ["unit", "city"], "additionalProperties": False,
            "$defs": {"City": {
                "type": "object", "properties": {"name": {"type": "string", "maxLength": 20}}, "required": ["name"],
                "additionalProperties": False}}}}},
    {"type": "function", "function": {"name": "get_time", "description": "The time now"}}]
SAMPLE = re.compile(
    r'^[a-zA-Z_:][a-zA-Z0-9_:]*(\{[a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*"(,[a-zA-Z_][a-zA-Z0-9_]*="(\\.|[^"\\])*")*,?\})?'
    r' (-?[0-9.eE+-]+|\+Inf|-Inf|NaN)( -?[0-9]+)?$')


def client_of(node):
    """The official client, told nothing but the address; it may not hide failures by trying again."""
    return openai.OpenAI(base_url=node.url + "/v1", api_key="none", max_retries=0, timeout=60)


def raw_request(node, head, parts, timeout=20):
    """Sends bytes as they are and gives all that comes back until the other side closes or falls silent."""
    host, port = node.http.rsplit(":", 1)
    with socket.create_connection((host, int(port)), timeout=timeout) as line:
        line.sendall(head.replace("\n", "\r\n").encode())
        try:
            for part in parts:
                line.sendall(part)
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before all was sent: the answer is what counts
        answer = b""
        try:
            while part := line.recv(65536):
                answer += part
                if b"\r\n\r\n" in answer and answer.rstrip().endswith(b"}"):
                    break
        except ConnectionResetError:
            pass
        return answer


class WarmNode(unittest.TestCase):
    """One node with a warm engine for all tests of a class."""

    EXTRA = ""

    @classmethod
    def setUpClass(cls):
        cls.node = Node(extra=cls.EXTRA)
        cls.addClassCleanup(cls.node.destroy)
        with open(cls.node.config, encoding="utf-8") as file:
            text = cls.configure(file.read())
        with open(cls.node.config, "w", encoding="utf-8") as file:
            file.write(text)
        cls.node.start().add_model().wait_warm()
        cls.client = client_of(cls.node)

    @classmethod
    def configure(cls, text):
        """The node's configuration, from what it would be."""
        return text

    def setUp(self):
        eventually(lambda: self.node.rpc("exec-d").call("exec.inventory")["busy"] == 0, 30, "an idle engine")

    def busy(self):
        return self.node.rpc("exec-d").call("exec.inventory")["busy"]

    def ask(self, **more):
        return self.client.chat.completions.create(
            **{"model": MODEL, "messages": QUESTION, "temperature": 0, "max_tokens": 32, **more})


class OpenAIClient(WarmNode):
    """What people's programs do."""

    def test_chat(self):
        answer = self.ask()
        choice = answer.choices[0]
        self.assertEqual(choice.message.role, "assistant")
        self.assertIn("4", choice.message.content)
        self.assertEqual(choice.finish_reason, "stop")
        self.assertGreater(answer.usage.prompt_tokens, 5)
        self.assertGreater(answer.usage.completion_tokens, 1)
        self.assertEqual(answer.usage.total_tokens, answer.usage.prompt_tokens + answer.usage.completion_tokens)
        self.assertEqual(answer.model, MODEL)

    def test_length_is_said(self):
        answer = self.ask(max_tokens=3, messages=LONG_STORY)
        self.assertEqual(answer.choices[0].finish_reason, "length")
        self.assertEqual(answer.usage.completion_tokens, 3)

    def test_a_stream_comes_as_it_is_generated(self):
        # A busy machine may keep this reader from one stream; what is held back in the node is held back in each.
        for _ in range(3):
            times = self.times_of_a_stream()
            middle = times[len(times) // 2]
            if times[0] + 0.1 < middle and middle + 0.1 < times[-1] and times[-1] - times[0] > 0.3:
                return
        self.fail(f"the first piece comes long before the last, and the others in between, not in one lump: {times}")

    def times_of_a_stream(self):
        """When each piece of a stream came."""
        begun, times, text, usage, finish = time.monotonic(), [], "", None, None
        stream = self.ask(
            stream=True, messages=LONG_STORY, max_tokens=60, stream_options={"include_usage": True})
        for chunk in stream:
            if chunk.usage:
                usage = chunk.usage
            for choice in chunk.choices:
                finish = choice.finish_reason or finish
                if choice.delta.content:
                    times.append(time.monotonic() - begun)
                    text += choice.delta.content
        self.assertEqual(finish, "length")
        self.assertEqual(usage.completion_tokens, 60)
        self.assertGreater(len(text), 60)
        self.assertGreater(len(times), 30, "one piece for each token, nearly")
        return times

    def test_an_answer_in_json(self):
        person = [{"role": "user", "content": "Describe a person as JSON, very short."}]
        answer = self.ask(messages=person, max_tokens=300, response_format={"type": "json_object"}).choices[0]
        # The model may go on to its limit; what it says until then is an object all the same.
        self.assertTrue(answer.message.content.lstrip().startswith("{"), answer)

        class Person(pydantic.BaseModel):
            name: typing.Literal["Ada", "Bob"]
            age: typing.Literal[36, 41]
            married: bool

        for stream in (False, True):
            asked = {"model": MODEL, "messages": person, "temperature": 0, "max_tokens": 200}
            if stream:
                with self.client.chat.completions.stream(**asked, response_format=Person) as events:
                    said = events.get_final_completion()
            else:
                said = self.client.chat.completions.parse(**asked, response_format=Person)
            self.assertEqual(said.choices[0].finish_reason, "stop")
            self.assertIsInstance(said.choices[0].message.parsed, Person)
            self.assertEqual(
                list(json.loads(said.choices[0].message.content)), ["name", "age", "married"], "in the schema's order")

    def call_of(self, stream, **more):
        """One answer with functions, whole or put together from a stream by the client itself."""
        asked = {"model": MODEL, "messages": WEATHER, "tools": TOOLS, "temperature": 0, "max_tokens": 200, **more}
        if not stream:
            return self.client.chat.completions.create(**asked).choices[0]
        with self.client.chat.completions.stream(**asked) as events:
            return events.get_final_completion().choices[0]

    def test_a_function_is_called(self):
        for stream in (False, True):
            for choice in ("required", {"type": "function", "function": {"name": "get_weather"}}):
                with self.subTest(stream=stream, choice=choice):
                    answer = self.call_of(stream, tool_choice=choice, parallel_tool_calls=False)
                    self.assertEqual((answer.finish_reason, answer.message.content), ("tool_calls", None), answer)
                    (call,) = answer.message.tool_calls
                    self.assertEqual((call.type, call.id[:5]), ("function", "call_"))
                    said = json.loads(call.function.arguments)
                    if call.function.name == "get_weather":
                        self.assertEqual(list(said), ["unit", "city"], "in the schema's order")
                        self.assertIn(said["unit"], ("celsius", "kelvin"))
                        self.assertIsInstance(said["city"]["name"], str)
                    else:
                        self.assertEqual((call.function.name, said), ("get_time", {}))
                    if choice != "required":
                        self.assertEqual(call.function.name, "get_weather")

    def test_a_call_comes_in_pieces(self):
        chunks = list(self.ask(messages=WEATHER, tools=TOOLS[:1], tool_choice="required", max_tokens=200, stream=True))
        deltas = [c.choices[0].delta for c in chunks if c.choices]
        calls = [call for delta in deltas for call in delta.tool_calls or []]
        self.assertEqual((calls[0].index, calls[0].type, calls[0].function.name), (0, "function", "get_weather"))
        firsts = [call for call in calls if call.id]
        self.assertEqual([call.index for call in firsts], list(range(len(firsts))), "each call begins once")
        self.assertEqual(len({call.id for call in firsts}), len(firsts))
        self.assertGreater(len([call for call in calls if call.function.arguments]), 3)
        self.assertFalse(any(delta.content for delta in deltas))
        job = self.node.ctl("jobs", "--json", check=True).stdout
        self.assertIn("of functions", json.loads(job)["jobs"][0]["reason"])

    def test_a_second_turn_with_the_result(self):
        answer = self.call_of(False, tool_choice="required", parallel_tool_calls=False).message
        turns = WEATHER + [answer.model_dump(), {
            "role": "tool", "tool_call_id": answer.tool_calls[0].id, "content": "It rains, 12 degrees."}]
        alone = self.ask(messages=WEATHER).usage.prompt_tokens
        for choice in ("auto", "none"):
            for stream in (False, True):
                with self.subTest(choice=choice, stream=stream):
                    said = self.call_of(stream, messages=turns, tool_choice=choice)
                    if choice == "none":
                        self.assertIsNone(said.message.tool_calls or None)
                    self.assertTrue(said.message.content or said.message.tool_calls or said.finish_reason == "length")
        more = self.ask(messages=turns).usage.prompt_tokens
        told = self.ask(messages=turns, tools=TOOLS).usage.prompt_tokens
        self.assertTrue(alone + 10 < more < told - 40, "call, result and functions are counted")

    def test_words_where_no_function_is_called(self):
        # Held to words by a function that nobody would call, or to a call: both are whole.
        for stream in (False, True):
            said = self.call_of(stream, messages=[{"role": "user", "content": "Say hello, nothing else."}], tools=TOOLS[1:])
            self.assertIn(said.finish_reason, ("stop", "tool_calls"))
            self.assertEqual(said.finish_reason == "tool_calls", bool(said.message.tool_calls), said)
            self.assertNotIn('{"content"', said.message.content or "")

    def test_functions_and_a_form(self):
        class Short(pydantic.BaseModel):
            mood: typing.Literal["good", "bad"]

        said = self.client.chat.completions.parse(
            model=MODEL, messages=WEATHER, tools=[openai.pydantic_function_tool(Short)], temperature=0, max_tokens=200,
            response_format=Short).choices[0]
        if said.message.tool_calls:
            self.assertIsInstance(said.message.tool_calls[0].function.parsed_arguments, Short)
        else:
            self.assertIsInstance(said.message.parsed, Short)

    def test_functions_that_nobody_can_call(self):
        function = TOOLS[0]["function"]
        wrong = {
            "tools[0].function.name": {"tools": [{"type": "function", "function": {**function, "name": "a b"}}]},
            "tools": {"tools": [
                {"type": "function", "function": {"name": f"f{i}"}} for i in range(65)]},
            "tool_choice": {"tools": TOOLS, "tool_choice": {"type": "function", "function": {"name": "other"}}},
            "messages[1].tool_call_id": {"messages": WEATHER + [
                {"role": "tool", "tool_call_id": "call_1", "content": "x"}]},
            "logprobs": {"tools": TOOLS, "logprobs": True},
        }
        for param, asked in wrong.items():
            with self.subTest(param=param), self.assertRaises(openai.BadRequestError) as caught:
                self.ask(**asked)
            self.assertEqual(caught.exception.param, param)
        for schema, word in (({"type": "object", "properties": {"a": {"type": "string", "pattern": "x"}}}, "pattern"),
                             ({"type": "object", "properties": {"a": {"type": "colour"}}}, "JSON schema")):
            with self.assertRaises(openai.BadRequestError) as caught:
                self.ask(tools=[{"type": "function", "function": {"name": "a", "parameters": schema}}])
            self.assertIn(word, caught.exception.message)
            self.assertNotIn("colour", caught.exception.message)

    def test_a_broken_off_call_says_so(self):
        answer = self.call_of(False, tool_choice="required", max_tokens=24)
        self.assertEqual(answer.finish_reason, "length")

    def test_likelihoods(self):
        plain = self.ask(seed=1).choices[0]
        self.assertIsNone(plain.logprobs)
        for most in (0, 3, 20):
            whole = self.ask(seed=1, logprobs=True, top_logprobs=most).choices[0]
            self.assertEqual(whole.message.content, plain.message.content, "asking makes no difference")
            told = whole.logprobs.content
            self.assertEqual(b"".join(bytes(t.bytes) for t in told).decode(), whole.message.content)
            for token in told:
                self.assertEqual(len(token.top_logprobs), most)
                self.assertTrue(-50 < token.logprob <= 0, token)
                if most:
                    self.assertEqual(token.top_logprobs[0].token, token.token, "at temperature 0 the likeliest is taken")
                    ordered = [one.logprob for one in token.top_logprobs]
                    self.assertEqual(ordered, sorted(ordered, reverse=True))
        stream = list(self.ask(seed=1, logprobs=True, top_logprobs=20, stream=True))
        pieces = [t for c in stream if c.choices and c.choices[0].logprobs for t in c.choices[0].logprobs.content]
        # The prompt is read again another way when it is cached, which moves the last digits.
        self.assertEqual([t.token for t in pieces], [t.token for t in told])
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(top_logprobs=2)
        self.assertEqual(caught.exception.param, "top_logprobs")

    def test_tokens_made_likelier(self):
        first = self.ask(max_tokens=1, logprobs=True, top_logprobs=1).choices[0].message.content
        # 9 is a number of the model's vocabulary; nothing else is said when it is so likely.
        forced = {self.ask(max_tokens=4, logit_bias={"28": 100}).choices[0].message.content for _ in range(2)}
        self.assertEqual(len(forced), 1)
        said = forced.pop()
        self.assertNotEqual(said[:len(first)], first)
        self.assertEqual(len(set(said)), 1, said)
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(logit_bias={"the": 1})
        self.assertEqual(caught.exception.param, "logit_bias")

    def test_a_schema_that_nobody_can_use(self):
        with self.assertRaises(openai.BadRequestError) as caught:
            self.ask(response_format={
                "type": "json_schema", "json_schema": {"name": "x", "schema": {"type": "colour"}}})
        self.assertIn("JSON schema", caught.exception.message)
        self.assertNotIn("colour", caught.exception.message)

    def test_stream_and_whole_say_the_same(self):
        whole = self.ask(seed=1).choices[0].message.content
        pieces = "".join(c.choices[0].delta.content or "" for c in self.ask(seed=1, stream=True) if c.choices)
        self.assertEqual(whole, pieces)

    def test_models(self):
        models = list(self.client.models.list())
        self.assertEqual([m.id for m in models], [MODEL])
        one = self.client.models.retrieve(MODEL)
        self.assertEqual((one.id, one.object), (MODEL, "model"))
        with self.assertRaises(openai.NotFoundError) as caught:
            self.client.models.retrieve("no-such-model")
        self.assertEqual(caught.exception.code, "model_not_found")

    def test_unknown_model(self):
        for stream in (False, True):
            with self.subTest(stream=stream), self.assertRaises(openai.NotFoundError) as caught:
                self.ask(model="no-such-model", stream=stream)
            self.assertEqual((caught.exception.status_code, caught.exception.code), (404, "model_not_found"))
            self.assertIn("no-such-model", caught.exception.message)

    def test_too_long_a_prompt(self):
        for stream in (False, True):
            with self.subTest(stream=stream), self.assertRaises(openai.BadRequestError) as caught:
                self.ask(messages=[{"role": "user", "content": "word " * 6000}], stream=stream)
            self.assertEqual(
                (caught.exception.status_code, caught.exception.code), (400, "context_length_exceeded"))

    def test_wrong_types(self):
        for param, value in (
            ("temperature", "hot"), ("max_tokens", "many"), ("messages", "hello"), ("stream", "yes"),
            ("model", 5), ("messages", [{"role": 5, "content": "x"}]), ("top_p", 7), ("n", 2),
            ("tools", [{"type": "function"}]), ("messages", []),
        ):
            with self.subTest(param=param, value=value):
                body = {"model": MODEL, "messages": QUESTION, param: value}
                status, _, answer = self.node.request("POST", "/v1/chat/completions", body)
                error = json.loads(answer)["error"]
                self.assertEqual(status, 400, error)
                self.assertEqual(re.match(r"\w+", error["param"]).group(), param, error)
                self.assertTrue(error["code"] and error["message"] and error["type"])

    def test_malformed_json(self):
        for body in (b"{", b"", b"[]", b'{"model":', b"\xff\xfe", b'{"model":"a","model":"b"}', b"[" * 5000):
            with self.subTest(body=body[:20]):
                status, _, answer = self.node.request("POST", "/v1/chat/completions", body)
                self.assertEqual(status, 400, answer)
                self.assertIn("code", json.loads(answer)["error"])
        status, _, answer = self.node.request("POST", "/v1/chat/completions", b"{")
        self.assertEqual(json.loads(answer)["error"]["code"], "invalid_json")

    def test_too_large_a_body(self):
        with self.assertRaises(openai.APIStatusError) as caught:
            self.ask(messages=[{"role": "user", "content": "x" * 1_100_000}])
        self.assertEqual(caught.exception.status_code, 413)
        self.assertEqual(caught.exception.code, "request_too_large")
        head = f"POST /v1/chat/completions HTTP/1.1\nHost: {self.node.http}\nContent-Type: application/json\n"
        announced = raw_request(self.node, head + "Content-Length: 2000000\n\n", [])
        self.assertIn(b" 413 ", announced.split(b"\r\n")[0], "refused by its announcement alone")
        chunk = b"10000\r\n" + b" " * 65536 + b"\r\n"
        chunked = raw_request(self.node, head + "Transfer-Encoding: chunked\n\n", [chunk] * 20)
        self.assertIn(b" 413 ", chunked.split(b"\r\n")[0])

    def test_a_client_that_goes_frees_its_slot_within_a_second(self):
        for run in range(3):
            with self.subTest(run=run):
                stream = self.ask(stream=True, messages=LONG_STORY, max_tokens=900)
                for count, _ in enumerate(stream):
                    if count == 3:
                        break
                self.assertEqual(self.busy(), 1)
                stream.response.close()
                gone = time.monotonic()
                eventually(lambda: self.busy() == 0, 5, "a free slot", every=0.02)
                self.assertLess(time.monotonic() - gone, 1)

    def test_a_client_that_goes_while_it_waits_for_a_whole_answer(self):
        body = json.dumps({"model": MODEL, "messages": LONG_STORY, "max_tokens": 900}).encode()
        host, port = self.node.http.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=10) as line:
            line.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.node.http}\r\nContent-Type: application/json"
                f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            eventually(lambda: self.busy() == 1, 5, "a busy slot", every=0.02)
        gone = time.monotonic()
        eventually(lambda: self.busy() == 0, 5, "a free slot", every=0.02)
        self.assertLess(time.monotonic() - gone, 1)


class Crowd(WarmNode):
    """Many at once, each in the daemons' sandboxes: what is booked together is booked."""

    EXTRA = f'exec:\n  image: "{IMAGE}"\n  warm: [{MODEL}]\n  slots: 8\n  queue_limit: 64\n'

    @classmethod
    def configure(cls, text):
        return text.replace("http:\n", "http:\n  requests_per_second: 0\n", 1)

    def test_sixteen_clients_at_once_are_all_answered(self):
        answered, failures = [], []

        def client():
            for _ in range(6):
                try:
                    answered.append(self.ask(max_tokens=1).choices[0].finish_reason)
                except openai.OpenAIError as error:
                    failures.append(str(error))

        threads = [threading.Thread(target=client) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(failures, [])
        self.assertEqual(len(answered), 96)


class EngineGone(WarmNode):
    """An engine that dies under a job."""

    def test_a_killed_engine_ends_the_stream_with_an_error_and_the_next_question_works(self):
        status, headers, raw = None, None, b""
        body = json.dumps(
            {"model": MODEL, "messages": LONG_STORY, "max_tokens": 900, "stream": True}).encode()
        host, port = self.node.http.rsplit(":", 1)
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(
                f"POST /v1/chat/completions HTTP/1.1\r\nHost: {self.node.http}\r\nContent-Type: application/json"
                f"\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body)
            while raw.count(b"data: ") < 5:
                raw += line.recv(65536)
            engines = self.node.containers()
            for name in engines:
                docker("POST", f"/v1.41/containers/{name}/kill")
            killed = time.monotonic()
            try:
                while part := line.recv(65536):
                    raw += part
            except ConnectionResetError:
                pass
        self.assertLess(time.monotonic() - killed, 10)
        self.assertTrue(raw.startswith(b"HTTP/1.1 200"))
        self.assertIn(b'data: {"error":', raw)
        self.assertNotIn(b"[DONE]", raw)
        self.assertFalse(raw.endswith(b"0\r\n\r\n"), "no client may take the part for the whole")
        error = json.loads(raw.split(b'data: {"error":', 1)[1].split(b"\n", 1)[0].join([b'{"error":', b""]))["error"]
        self.assertTrue(error["message"] and error["code"], error)
        self.assertIn("4", self.ask().choices[0].message.content)
        self.assertTrue(self.node.containers())
        self.assertFalse(set(self.node.containers()) & set(engines), "a new engine answers")
        job = json.loads(self.node.ctl("jobs", "--json", "-l", "5").stdout.splitlines()[0])
        self.assertTrue(job)

    def test_the_official_client_sees_an_engine_that_dies(self):
        with self.assertRaises(openai.APIError):
            for count, _ in enumerate(self.ask(stream=True, messages=LONG_STORY, max_tokens=900)):
                if count == 4:
                    for name in self.node.containers():
                        docker("POST", f"/v1.41/containers/{name}/kill")
        self.assertIn("4", self.ask().choices[0].message.content)

    def test_before_the_first_token_it_is_a_503(self):
        outcome = []

        def ask():
            try:
                outcome.append(self.ask(messages=[{"role": "user", "content": "word " * 1500}]))
            except openai.APIStatusError as error:
                outcome.append(error)

        asker = threading.Thread(target=ask)
        asker.start()
        eventually(lambda: self.busy() == 1, 10, "a busy engine", every=0.01)
        for name in self.node.containers():
            docker("POST", f"/v1.41/containers/{name}/kill")
        asker.join(30)
        self.assertIsInstance(outcome[0], openai.InternalServerError, outcome)
        self.assertEqual(outcome[0].status_code, 503)
        self.assertTrue(outcome[0].message)


class TooMany(unittest.TestCase):
    """Limits that a busy node keeps."""

    def node_with(self, extra):
        node = Node(extra=extra)
        self.addCleanup(node.destroy)
        node.start().add_model().wait_warm()
        return node

    def test_every_slot_busy(self):
        from node import IMAGE

        node = self.node_with(
            f'exec:\n  image: "{IMAGE}"\n  warm: [{MODEL}]\n  slots: 1\n  queue_limit: 0\n  max_engines: 1\n')
        client = client_of(node)
        stream = client.chat.completions.create(model=MODEL, messages=LONG_STORY, stream=True, max_tokens=900)
        next(iter(stream))
        with self.assertRaises(openai.RateLimitError) as caught:
            client.chat.completions.create(model=MODEL, messages=QUESTION)
        self.assertEqual(caught.exception.code, "rate_limit_exceeded")
        self.assertGreaterEqual(int(caught.exception.response.headers["retry-after"]), 1)
        stream.response.close()
        eventually(lambda: node.rpc("exec-d").call("exec.inventory")["busy"] == 0, 5, "a free slot")
        self.assertTrue(client.chat.completions.create(model=MODEL, messages=QUESTION, max_tokens=4).choices)

    def test_keys(self):
        """As OpenAI's client sends them; a node that strangers reach does not start without one."""
        node = Node(warm=False)
        self.addCleanup(node.destroy)
        made = json.loads(node.ctl("config", "new-key", "--json", check=True).stdout)
        with open(node.config, encoding="utf-8") as file:
            plain = file.read()
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(plain.replace(node.http, "0.0.0.0:" + node.http.split(":")[1]))
        refused = node.ctl("config", "check", node.config)
        self.assertEqual(refused.returncode, 1)
        self.assertRegex(refused.stdout + refused.stderr, r"http\.listen is not a loopback address")
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(plain.replace("http:\n", f"http:\n  api_keys: [\"{made['entry']}\"]\n", 1))
        node.start()
        for client, good in ((client_of(node), False), (client_of(node).with_options(api_key=made["key"]), True)):
            if good:
                self.assertIsInstance(client.models.list().data, list)
                continue
            with self.assertRaises(openai.AuthenticationError) as caught:
                client.chat.completions.create(model=MODEL, messages=QUESTION)
            self.assertEqual(caught.exception.code, "invalid_api_key")
        self.assertEqual(node.get("/v1/models")[0], 401)
        self.assertEqual(node.get("/metrics")[0], 401)
        self.assertEqual(node.get("/healthz")[0], 200)

    def test_too_many_in_a_second(self):
        node = Node(extra="", warm=False)
        self.addCleanup(node.destroy)
        with open(node.config, encoding="utf-8") as file:
            text = file.read().replace("http:\n", "http:\n  requests_per_second: 2\n  burst: 3\n", 1)
        with open(node.config, "w", encoding="utf-8") as file:
            file.write(text)
        node.start()
        answers = [node.get("/v1/models") for _ in range(10)]
        refused = [headers for status, headers, _ in answers if status == 429]
        self.assertTrue(refused)
        self.assertTrue(all(int(headers["Retry-After"]) >= 1 for headers in refused))
        time.sleep(1.2)
        self.assertEqual(node.get("/v1/models")[0], 200)


class Story(WarmNode):
    """What a job leaves behind, and what the node tells about itself."""

    def job(self):
        raw = self.client.chat.completions.with_raw_response.create(
            model=MODEL, messages=QUESTION, max_tokens=8, temperature=0)
        return raw.headers["x-request-id"]

    def test_health(self):
        eventually(lambda: self.node.get("/healthz")[0] == 200, 10, "health")
        self.assertEqual(json.loads(self.node.get("/healthz")[2])["status"], "ready")

    def test_metrics_are_prometheus_text_of_all_daemons(self):
        self.job()
        status, headers, body = self.node.get("/metrics")
        self.assertEqual(status, 200)
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        typed, seen = set(), set()
        for line in body.decode().splitlines():
            if line.startswith("# TYPE "):
                name = line.split()[2]
                self.assertNotIn(name, typed, "one TYPE for each metric")
                typed.add(name)
            elif line and not line.startswith("#"):
                self.assertRegex(line, SAMPLE)
                self.assertNotIn(line.rsplit(" ", 1)[0], seen, "one sample for each label set")
                seen.add(line.rsplit(" ", 1)[0])
        for daemon in DAEMONS:
            own = [s for s in seen if f'daemon="{daemon}"' in s and not s.startswith("infernet_daemon_")]
            self.assertTrue(own, f"{daemon} says something itself")

    def test_one_job_id_from_end_to_end(self):
        job = self.job()
        self.assertRegex(job, r"^job_[0-9a-f]{32}$")
        told = self.node.ctl("job", job, check=True).stdout
        for state in ("received", "planned", "running", "verifying", "done"):
            self.assertIn(state, told)

        def daemons():
            lines = self.node.ctl("logs", "--job", job, "--raw", check=True).stdout.splitlines()
            return {json.loads(line)["daemon"] for line in lines}

        eventually(
            lambda: {"ws-d", "aggregator-d", "exec-d", "ledger-d"} <= daemons(), 10,
            f"lines of four daemons ({daemons()})")

    def test_a_receipt_holds_and_one_changed_byte_breaks_it(self):
        job = self.job()
        folder = tempfile.mkdtemp(dir=self.node.home)
        file = os.path.join(folder, "receipt.json")
        self.node.ctl("receipt", "show", job, "-o", file, check=True)
        with open(file, "rb") as opened:
            good = opened.read()
        self.assertIn(job.encode(), good)
        verify = [os.path.join(BIN, "infernetctl"), "receipt", "verify"]
        environment = {**os.environ, "INFERNET_RUN_DIR": "/nonexistent"}
        offline = subprocess.run([*verify, file], capture_output=True, timeout=15, env=environment, check=False)
        self.assertEqual(offline.returncode, 0, offline.stderr)
        self.assertEqual(
            subprocess.run([*verify, "-"], input=good, capture_output=True, timeout=15, check=False).returncode, 0)
        for place in range(40):
            at = place * (len(good) - 1) // 39
            for kind, bad in (
                ("changed", good[:at] + bytes([good[at] ^ 1]) + good[at + 1:]),
                ("left out", good[:at] + good[at + 1:]),
                ("put in", good[:at] + b" " + good[at:]),
            ):
                done = subprocess.run([*verify, "-"], input=bad, capture_output=True, timeout=15, check=False)
                if done.returncode != 1 or b"error" not in done.stderr:
                    self.fail(f"byte {at} {kind}: exit {done.returncode}: {done.stdout} {done.stderr}")

    def test_chat_by_argument_and_by_pipe(self):
        by_argument = self.node.ctl("chat", "What is 2+2?", "--temperature", "0", check=True)
        self.assertIn("4", by_argument.stdout)
        self.assertRegex(by_argument.stderr, r"job_[0-9a-f]{32}")
        by_pipe = self.node.ctl("chat", "--temperature", "0", "-q", input="What is 2+2?\n", check=True)
        self.assertIn("4", by_pipe.stdout)
        self.assertEqual(by_pipe.stderr, "")
        self.assertEqual(self.node.ctl("chat", input="").returncode, 1)

    def test_chat_streams(self):
        begun, times = time.monotonic(), []
        chat = subprocess.Popen(
            [os.path.join(BIN, "infernetctl"), "chat", LONG_STORY[0]["content"], "--max-tokens", "60", "-q",
             "--run-dir", self.node.run_dir], stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        with chat:
            while os.read(chat.stdout.fileno(), 4096):
                times.append(time.monotonic() - begun)
        self.assertEqual(chat.returncode, 0)
        self.assertGreater(len(times), 20)
        self.assertGreater(times[-1] - times[0], 0.3)

    def test_a_stranger_s_client_of_the_sockets(self):
        ledger = self.node.rpc("ledger-d")
        identity = ledger.call("ledger.identity")
        self.assertIn(json.loads(self.node.ctl("identity", "--json", check=True).stdout)["npub"], identity.values())
        for method in ("ledger.sign_receipt", "ledger.unwrap_key", "ledger.sign_peer_auth"):
            with self.assertRaises(Refused) as caught:
                ledger.call(method)
            self.assertEqual(caught.exception.code, "not_permitted")
        self.assertEqual(ledger.call("ledger.identity"), identity, "the line still stands")


if __name__ == "__main__":
    unittest.main()
