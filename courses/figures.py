"""Descriptions of figures, so that what only a picture shows can be found. A vision-capable endpoint writes them."""

from __future__ import annotations

import asyncio
import base64
import logging
import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from unicodedata import category

from courses.models import Material
from courses.readers.parts import Block
from courses.sentences import sentences
from tutor.llm.client import complete
from tutor.llm.models import Endpoint, record_usage

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "figure.txt"
MAX_TOKENS = 300
GIVE_UP = 3  # refusals in a row after which the rest is not asked for
PATIENCE = 180  # seconds for one figure, however slowly its words drip
LONGEST = 2_000  # characters; what goes on for longer is cut after a sentence
FEWEST = 4  # different words in a description, which are more than a tenth of all its words
VARIED = 0.1
REFUSAL = re.compile(
    r"(?:sorry|apolog|unable to|can(?:no|['’])t (?:see|view|describe|assist|help)|no image|as an ai)",
    re.IGNORECASE,
)


class Describer:
    """Describes the figures of one material; counts those that nobody described."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.endpoint = Endpoint.objects.seeing()
        self.refusals = 0
        self.figures = self.described = 0

    @property
    def meta(self) -> dict[str, Any]:
        """What the material's page says: how many figures there are, how many were described, and by which model."""
        found: dict[str, Any] = {"figures": self.figures, "figures_described": self.described}
        if self.described and self.endpoint is not None:
            found["figures_described_by"] = self.endpoint.model
        return found

    def describe(self, block: Block) -> Block:
        """The block, with a description after its caption if it is a figure and one can be had."""
        if block.kind != "figure":
            return block
        self.figures += 1
        name = block.data.get("asset")
        if self.endpoint is None or not name or self.refusals >= GIVE_UP:
            return block
        try:
            description = self._ask((self.material.folder / Path(str(name)).name).read_bytes())
        except Exception as error:  # noqa: BLE001 - a picture without words is better than a material without any
            self.refusals += 1
            logger.warning("A figure of material %s was not described: %s", self.material.pk, error)
            return block
        self.refusals = 0
        if not description:
            return block
        self.described += 1
        return replace(
            block, text=f"{block.text}\n{description}".strip(), data={**block.data, "described": True}
        )

    def _ask(self, png: bytes) -> str:
        assert self.endpoint is not None
        picture = f"data:image/png;base64,{base64.b64encode(png).decode()}"
        content = [
            {"type": "text", "text": PROMPT.read_text()},
            {"type": "image_url", "image_url": {"url": picture}},
        ]
        messages = [{"role": "user", "content": content}]
        request = complete(self.endpoint, messages, max_tokens=MAX_TOKENS)
        answer = asyncio.run(asyncio.wait_for(request, PATIENCE))
        record_usage(
            None,
            self.material.course_id,
            self.endpoint,
            prompt_tokens=answer.usage.prompt,
            completion_tokens=answer.usage.completion,
            purpose="figures",
        )
        return worded(answer.text)


def worded(text: str) -> str:
    """A model's description as text that can be kept; "" for what describes nothing."""
    plain = " ".join(
        "".join(char for char in text if category(char) not in ("Cc", "Cs") or char.isspace()).split()
    )
    words = re.findall(r"[^\W\d_]{2,}", plain.lower())
    if len(set(words)) < FEWEST or len(set(words)) < VARIED * len(words) or REFUSAL.search(plain[:120]):
        return ""
    if len(plain) > LONGEST:
        end = max((end for _, end in sentences(plain[:LONGEST])[:-1]), default=0)
        plain = plain[: end or LONGEST]
    return plain
