"""Descriptions of figures, so that what only a picture shows can be found. A vision-capable endpoint writes them."""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

from courses.models import Material
from courses.readers.parts import Block
from tutor.llm.client import complete
from tutor.llm.errors import EndpointError
from tutor.llm.models import Endpoint, record_usage

logger = logging.getLogger(__name__)

PROMPT = Path(__file__).with_name("prompts") / "figure.txt"
MAX_TOKENS = 300
GIVE_UP = 3  # refusals in a row after which the rest is not asked for


class Describer:
    """Describes the figures of one material; counts those that nobody described."""

    def __init__(self, material: Material) -> None:
        self.material = material
        self.endpoint = Endpoint.objects.enabled().filter(vision=True).first()
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
        except (EndpointError, OSError) as error:
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
        answer = asyncio.run(
            complete(self.endpoint, [{"role": "user", "content": content}], max_tokens=MAX_TOKENS)
        )
        record_usage(
            None,
            self.material.course_id,
            self.endpoint,
            prompt_tokens=answer.usage.prompt,
            completion_tokens=answer.usage.completion,
            purpose="figures",
        )
        return " ".join(answer.text.split())
