"""An agent of the official Agents SDK with one function, in two turns: `agent.py URL MODEL responses|chat whole|stream`.
Runs in an environment of its own. It must never patch the SDK, nor hide what the node refuses."""

import asyncio
import json
import sys

from agents import (
    Agent, ModelSettings, OpenAIChatCompletionsModel, OpenAIResponsesModel, Runner, function_tool, set_tracing_disabled)
from openai import AsyncOpenAI

called = []


@function_tool
def get_weather(city: str, kelvin: bool) -> str:
    """The weather in a city."""
    called.append({"city": city, "kelvin": kelvin})
    return "It rains."


async def run(agent, said, way):
    """The agent's run, and the names of the events that told of it."""
    if way == "whole":
        return await Runner.run(agent, said), []
    going = Runner.run_streamed(agent, said)
    return going, [getattr(event, "name", event.type) async for event in going.stream_events()]


async def main(url, model, api, way):
    """Has the function called, then gives the result back and hears words about it."""
    # There is nobody to report to.
    set_tracing_disabled(True)
    kind = {"responses": OpenAIResponsesModel, "chat": OpenAIChatCompletionsModel}[api]
    client = AsyncOpenAI(base_url=url, api_key="none", max_retries=0, timeout=60)

    def settings(choice):
        return ModelSettings(
            temperature=0, max_tokens=80, tool_choice=choice, parallel_tool_calls=False, include_usage=True)

    # Whether a small model would rather call again than speak is its own affair.
    agent = Agent(
        name="weatherman", instructions="You help with the weather.", tools=[get_weather],
        model=kind(model=model, openai_client=client), model_settings=settings("required"),
        tool_use_behavior="stop_on_first_tool")
    first, events = await run(agent, "How is the weather in Paris?", way)
    turns = first.to_input_list() + [{"role": "user", "content": "So, do I need an umbrella?"}]
    second, _ = await run(agent.clone(model_settings=settings("none")), turns, way)
    print(json.dumps({
        "called": called, "items": [item.type for item in first.new_items], "result": first.final_output, "events": events,
        "words": second.final_output, "tokens": [
            turn.usage.input_tokens for turn in first.raw_responses + second.raw_responses]}))


asyncio.run(main(*sys.argv[1:]))
