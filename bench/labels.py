"""The rule that labels answers where no judge is set: how far it agrees with people, on pairs that were labelled by hand.

It was tuned on one part of them; the part that was written afterwards counts. What is found is written to
`tutor/studio/data/rule.json`, from which the pages say it, if LYCEUM_KEEP is set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

from bench.figures import Figure
from tutor.studio.agreement import agreement
from tutor.studio.labelling import DATA, labelled, rule
from tutor.studio.models import Label


def figures() -> Iterator[Figure]:
    """Agreement on both parts; precision and recall of each label on the one kept aside."""
    for half in ("tune", "held"):
        rows = labelled(half)
        given = [str(rule(row.question, row.reference, row.text)) for row in rows]
        meant = [row.label for row in rows]
        found = agreement(meant, given)
        kept = "kept aside" if half == "held" else "tuned on"
        yield Figure(f"{kept}: pairs", found["pairs"], at_least=60)
        yield Figure(f"{kept}: same label", found["same"])
        yield Figure(f"{kept}: kappa", found["kappa"])
        yield Figure(f"{kept}: kappa, 95 % interval, from", found["low"])
        yield Figure(f"{kept}: kappa, 95 % interval, to", found["high"])
    for label in Label.values:
        said = [want for want, have in zip(meant, given, strict=True) if have == label]
        there = [have for want, have in zip(meant, given, strict=True) if want == label]
        found[label] = {
            "precision": round(said.count(label) / max(1, len(said)), 3),
            "recall": round(there.count(label) / max(1, len(there)), 3),
        }
        yield Figure(f"kept aside: precision of “{label}”", found[label]["precision"])
        yield Figure(f"kept aside: recall of “{label}”", found[label]["recall"])
    if os.environ.get("LYCEUM_KEEP"):
        (DATA / "rule.json").write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
