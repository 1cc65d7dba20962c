"""What work outside the chat asks of a language model: one prompt, an answer in a given form, entered in the ledger."""

from __future__ import annotations

import asyncio
from typing import Any

from tutor.llm.client import complete
from tutor.llm.models import Endpoint, record_usage


def fill(
    endpoint: Endpoint,
    prompt: str,
    schema: dict[str, Any],
    *,
    max_tokens: int,
    temperature: float,
    course_id: int | None,
    purpose: str,
) -> Any:
    """The model's answer to a prompt, valid against a JSON schema. Raises EndpointError and UnreadableKey."""
    messages = [{"role": "user", "content": prompt}]
    answer = asyncio.run(
        complete(endpoint, messages, schema=schema, max_tokens=max_tokens, temperature=temperature)
    )
    record_usage(
        None,
        course_id,
        endpoint,
        prompt_tokens=answer.usage.prompt,
        completion_tokens=answer.usage.completion,
        purpose=purpose,
    )
    return answer.data
