"""What is said to a language model: prompt files, filled in."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from tutor.chat.finding import Found, Request
from tutor.chat.layout import heading
from tutor.llm.client import Message

PROMPTS = Path(__file__).parent / "prompts"
SHOWN_WEAK = (
    650  # characters of material in a small model's prompt: its first token is as far as the prompt is long
)
SHOWN_CAPABLE = 9_000
REMEMBERED = 3  # turns a capable model is told of


@lru_cache
def prompt(name: str) -> str:
    """The text of a prompt file."""
    return (PROMPTS / f"{name}.txt").read_text(encoding="utf-8").strip()


def weak_messages(query: str, found: Found) -> list[Message]:
    """A prompt of under 350 tokens: the statements that answer, with what stands around them."""
    pieces: list[str] = []
    room = SHOWN_WEAK
    for statement in found.statements:
        text = " ".join(statement.text.split())[:room]
        pieces.append(text)
        room -= len(text)
        if room < 80:
            break
    material = prompt("material").format(passages="\n".join(pieces), question=query)
    return [{"role": "system", "content": prompt("weak")}, {"role": "user", "content": material}]


def capable_messages(request: Request, query: str, found: Found) -> list[Message]:
    """The numbered passages, the last turns, and the course's own guidance."""
    pieces: list[str] = []
    room = SHOWN_CAPABLE
    for number, hit in enumerate(found.hits, start=1):
        text = f"[{number}] ({heading(hit.passage)})\n{hit.passage.text[:room]}"
        pieces.append(text)
        room -= len(text)
        if room < 200:
            break
    guidance = f"- {request.course.guidance}" if request.course.guidance else ""
    system = prompt("capable").format(
        agent=request.course.agent_name, course=request.course.title, guidance=guidance
    )
    turns: list[Message] = [{"role": "system", "content": system.strip()}]
    for question, said in request.history[-REMEMBERED:]:
        turns += [{"role": "user", "content": question[:600]}, {"role": "assistant", "content": said[:1200]}]
    asked = request.question if query == request.question else f"{request.question}\n(That is: {query})"
    turns.append(
        {"role": "user", "content": prompt("material").format(passages="\n\n".join(pieces), question=asked)}
    )
    return turns
