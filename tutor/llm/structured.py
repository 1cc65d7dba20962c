"""Structured output: the constraint to ask for, the words that replace it, validation and repair."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

Message = dict[str, Any]
PROMPTS = Path(__file__).with_name("prompts")


def response_format(schema: dict[str, Any]) -> dict[str, Any]:
    """The protocol's request for constrained output."""
    return {"type": "json_schema", "json_schema": {"name": "answer", "strict": True, "schema": schema}}


def with_instruction(messages: Sequence[Message], schema: dict[str, Any]) -> list[Message]:
    """The same messages, the schema said in words, for a server that does not constrain."""
    words = (PROMPTS / "schema.txt").read_text().format(schema=json.dumps(schema, ensure_ascii=False))
    if messages and messages[0]["role"] == "system":
        first = {**messages[0], "content": f"{messages[0]['content']}\n\n{words}"}
        return [first, *messages[1:]]
    return [{"role": "system", "content": words}, *messages]


def repair(text: str, problem: str, schema: dict[str, Any]) -> list[Message]:
    """The turns to append after an invalid answer."""
    words = (PROMPTS / "repair.txt").read_text()
    ask = words.format(problem=problem, schema=json.dumps(schema, ensure_ascii=False))
    return [{"role": "assistant", "content": text}, {"role": "user", "content": ask}]


def parse(text: str, schema: dict[str, Any]) -> tuple[Any, str]:
    """The object in a model's answer and "", or None and what is wrong with it."""
    start = min((found for found in (text.find("{"), text.find("[")) if found >= 0), default=-1)
    candidates = [text.strip(), text[start:]] if start >= 0 else [text.strip()]
    data, problem = None, "it is not JSON"
    for candidate in candidates:
        try:
            data, _ = json.JSONDecoder().raw_decode(candidate)
        except ValueError as error:
            problem = f"it is not JSON: {error}"
            continue
        worst = next(
            iter(sorted(Draft202012Validator(schema).iter_errors(data), key=lambda e: list(e.path))), None
        )
        if worst is None:
            return data, ""
        where = "/".join(str(step) for step in worst.absolute_path)
        return None, f"at /{where}: {worst.message}"[:300]
    return None, problem
