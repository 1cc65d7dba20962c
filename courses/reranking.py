"""An optional second look at what was found: a cross-encoder behind `POST …/rerank`, as vLLM, TEI and vendors serve it."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import cache

import httpx
from django.conf import settings

logger = logging.getLogger(__name__)

LONGEST = 2_000  # characters of a passage that are sent


@cache
def _client() -> httpx.Client:
    return httpx.Client(timeout=httpx.Timeout(10, connect=2))


def scores(query: str, texts: Sequence[str]) -> list[float] | None:
    """How well each text answers the query, higher is better; None where no reranker is set or it does not answer.

    settings.RERANK_URL names the whole address (…/v1/rerank), RERANK_MODEL and RERANK_API_KEY what it asks for.
    """
    if not settings.RERANK_URL or len(texts) < 2:
        return None
    body = {"query": query, "documents": [text[:LONGEST] for text in texts]}
    if settings.RERANK_MODEL:
        body["model"] = settings.RERANK_MODEL
    headers = {"Authorization": f"Bearer {settings.RERANK_API_KEY}"} if settings.RERANK_API_KEY else {}
    try:
        answer = _client().post(settings.RERANK_URL, json=body, headers=headers)
        answer.raise_for_status()
        found = {int(row["index"]): float(row["relevance_score"]) for row in answer.json()["results"]}
        return [found[place] for place in range(len(texts))]
    except (httpx.HTTPError, KeyError, TypeError, ValueError) as error:
        # Search goes on in the order it has: a student is not kept waiting by an option.
        logger.warning(
            "The reranker at %s gave no scores (%s: %s)", settings.RERANK_URL, type(error).__name__, error
        )
        return None
