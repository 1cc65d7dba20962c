"""How the studio asks: with the material (as the chat asks a small model) and without it; how an answer corrects itself."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

from tutor.chat.prompting import SHOWN_WEAK, prompt
from tutor.llm.client import Message

REFLECTION = "Wait, that needs correcting."
PROMPTS = Path(__file__).parent / "prompts"


@lru_cache
def _closed() -> str:
    return (PROMPTS / "closed.txt").read_text(encoding="utf-8").strip()


def closed(course: str, question: str) -> list[Message]:
    """The question alone."""
    return [
        {"role": "system", "content": _closed().format(course=course)},
        {"role": "user", "content": question},
    ]


def opened(material: Sequence[str], question: str) -> list[Message]:
    """The question with what was found for it, at most as much as the chat shows a small model."""
    pieces: list[str] = []
    room = SHOWN_WEAK
    for text in material:
        pieces.append(" ".join(text.split())[:room])
        room -= len(pieces[-1])
        if room < 80:
            break
    shown = prompt("material").format(passages="\n".join(pieces), question=question)
    return [{"role": "system", "content": prompt("weak")}, {"role": "user", "content": shown}]


def trajectory(rejected: str, answer: str) -> tuple[str, list[list[int]]]:
    """The wrong answer, a reflection and the right one as one text, and where the wrong step stands in it (STeP): it is to be
    read and not learnt."""
    return f"{rejected} {REFLECTION} {answer}", [[0, len(rejected)]]
