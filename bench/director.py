"""The director: how often the default model, the rule and chance choose acceptably, on stored situations.

The rule was tuned on one half of them; the half that was kept aside counts. The model's result is written to
`tutor/classrooms/data/director.json`, where the application looks up who is to direct, if LYCEUM_KEEP is set.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from dataclasses import asdict

from bench.figures import Figure
from tutor.classrooms import direction, director
from tutor.classrooms.models.direction import SHIPPED, digest
from tutor.llm import host
from tutor.llm.models import Endpoint

MODEL = "smollm2-135m-instruct"


def figures() -> Iterator[Figure]:
    """Measure with a host of our own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with host.running(f"http://127.0.0.1:{port}/v1") as url:
        endpoint = Endpoint(name="Host", base_url=url, model=MODEL, embedded=True)
        standing = asyncio.run(direction.compare(endpoint))
    count = standing.situations
    yield Figure("situations in all", len(direction.cases()), at_least=60)
    yield Figure("situations kept aside, on which all are compared", count)
    for name, right in ((MODEL, standing.model), ("rule", standing.rule)):
        low, high = direction.interval(right, count)
        yield Figure(f"{name}: precision", right / count)
        yield Figure(f"{name}: 95 % interval (exact binomial), from", low)
        yield Figure(f"{name}: 95 % interval (exact binomial), to", high)
    low, high = direction.chance_interval()
    yield Figure("random choice: precision", standing.random / count)
    yield Figure("random choice: 95 % of draws, from", low)
    yield Figure("random choice: 95 % of draws, to", high)
    tuned = direction.cases("tune")
    right = sum(case.right(director.by_rule(case.situation).chosen) for case in tuned)
    yield Figure("rule, on the half it was tuned on: precision", right / len(tuned))
    yield Figure("the model directs by default (1) or the rule (0)", standing.model_directs)
    if os.environ.get("LYCEUM_KEEP"):
        results = {name: value for name, value in asdict(standing).items() if name != "where"}
        SHIPPED.write_text(json.dumps({"digest": digest(), "models": {MODEL: results}}, indent=1) + "\n")
