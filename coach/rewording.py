"""A capable language model's better words for a suggestion. What it writes passes the same gates, or the written pattern stands.

The moment, the move and the gate's verdict are decided before (`coach.suggesting`); the model chooses words only.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from coach.inventory import Inventory
from coach.moves import MOVES
from coach.scored import Suggested
from coach.suggesting import Draft, holds
from coach.talk import Transcript
from coach.words import plain
from tutor.llm.client import complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, UnreadableKey, record_usage

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "suggestion.txt"
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "say": {"type": "string", "maxLength": 300},
        "missing": {"type": "string", "maxLength": 300},
        "expect": {"type": "string", "maxLength": 300},
    },
    "required": ["say", "missing", "expect"],
    "additionalProperties": False,
}
MAX_TOKENS = 300
AROUND = (6, 4)  # lines before and after the moment that the model sees
LONGEST = 45  # words
_QUOTED = re.compile(r"[\"“]([^\"”]{3,})[\"”]")
_NAME = re.compile(r"(?<![.!?:“\"'] )(?<!^)\b[A-Z][a-z]{2,}\b")
_LABELS = {"Student", "Students", "Teacher"}


def reworded(inventory: Inventory, drafts: Sequence[Draft], endpoint: Endpoint) -> list[Suggested]:
    """The drafts with the model's words where they hold. Never raises for what the endpoint does."""
    return asyncio.run(_all(inventory, drafts, endpoint))


async def _all(inventory: Inventory, drafts: Sequence[Draft], endpoint: Endpoint) -> list[Suggested]:
    return [await _one(inventory, draft, endpoint) for draft in drafts]


async def _one(inventory: Inventory, draft: Draft, endpoint: Endpoint) -> Suggested:
    prompt = _prompt(inventory.transcript, draft)
    try:
        answer = await complete(
            endpoint,
            [{"role": "user", "content": prompt}],
            schema=SCHEMA,
            max_tokens=MAX_TOKENS,
            temperature=0.2,
        )
    except (EndpointError, UnreadableKey) as error:
        # what the endpoint says may repeat the prompt, and with it the lesson
        logger.warning("A suggestion keeps its written words: %s", getattr(error, "kind", "key"))
        return draft.suggested
    await asyncio.to_thread(
        record_usage,
        None,
        None,
        endpoint,
        prompt_tokens=answer.usage.prompt,
        completion_tokens=answer.usage.completion,
        purpose="coaching",
    )
    return better(inventory, draft, answer.data)


def better(inventory: Inventory, draft: Draft, written: dict[str, str]) -> Suggested:
    """The suggestion with what of the model's words passes the gates; each of its three parts for itself."""
    old = draft.suggested
    say, missing, expect = (" ".join(written[name].split()) for name in ("say", "missing", "expect"))
    transcript = inventory.transcript
    good = holds(inventory, draft.target, draft.strategy.move, say) and clean(transcript, say)
    missing_holds = clean(transcript, missing) and 4 <= len(missing.split()) <= LONGEST
    return Suggested(
        old.line,
        old.quote,
        old.move,
        missing if missing_holds else old.missing,
        say if good else old.say,
        expect if clean(transcript, expect) and 3 <= len(expect.split()) <= LONGEST else old.expect,
        old.gate,
    )


def clean(transcript: Transcript, text: str) -> bool:
    """Whether every quote in it was said in this lesson, and no word looks like a name that was not."""
    said = " ".join(plain(one.text) for one in transcript)
    quotes = [plain(quote).strip(" .,?!") for quote in _QUOTED.findall(text)]
    names = {name for name in _NAME.findall(text) if name not in _LABELS}
    return all(quote in said for quote in quotes) and all(plain(name) in said.split() for name in names)


def _prompt(transcript: Transcript, draft: Draft) -> str:
    line = draft.target.line
    first, last = max(1, line - AROUND[0]), min(len(transcript), line + AROUND[1])
    talk = "\n".join(f"{at} {transcript[at].speaker}: {transcript[at].text}" for at in range(first, last + 1))
    move = MOVES[draft.strategy.move]
    return PROMPT.read_text().format(
        talk=talk,
        line=line,
        words=transcript[line].text,
        move=move.title,
        meaning=move.meaning,
        intention=draft.strategy.intention,
        say=draft.suggested.say,
        missing=draft.suggested.missing,
        expect=draft.suggested.expect,
    )
