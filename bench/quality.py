"""How well the agent answers and abstains, and whether its citations hold: CLAPNQ asked as one course.

    python -m bench.quality DATA [--answers FILE.jsonl]

Without --answers the half of CLAPNQ in DATA/grounding is ingested as the materials of one course (in LYCEUM_DATA, so
name a folder of your own) and each question is decided without a language model: what is measured is search, the
decision to answer, and the statements that a weak model's answer starts from. With --answers, the output of
`manage.py ask --questions --json` is scored in the same way.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from django.core.management import call_command
from sklearn.metrics import roc_auc_score

from bench.claims import clean
from courses.verification.quotes import find_quote
from courses.verification.vectors import sentence_spans

if TYPE_CHECKING:
    from courses.models import Course

SLUG = "clapnq-half"


def questions(data: Path) -> list[dict[str, Any]]:
    """The rows of CLAPNQ with `answerable`, `gold` (selected sentences) and `file`."""
    found = []
    for name, answerable in (("clapnq_answerable", True), ("clapnq_unanswerable", False)):
        for line in (data / "grounding" / f"{name}.jsonl").read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            passage = row["passages"][0]
            gold = [
                clean(text) for output in row["output"] for text in output.get("selected_sentences") or []
            ]
            found.append(
                {
                    "id": row["id"],
                    "question": row["input"],
                    "answerable": answerable,
                    "gold": gold,
                    "file": f"{row['id']}.md",
                    "text": f"# {passage['title']}\n\n{clean(passage['text'])}\n",
                }
            )
    return found


def ingest(rows: list[dict[str, Any]]) -> Course:
    """One course with one material a passage."""
    from courses.models import Course

    with tempfile.TemporaryDirectory() as folder:
        for row in rows:
            (Path(folder) / row["file"]).write_text(row["text"], encoding="utf-8")
        call_command("ingest", SLUG, folder, create=True, json=True, stdout=io.StringIO())
    return Course.objects.get(slug=SLUG)


def on_gold(quote: str, gold: list[str]) -> bool:
    """Whether a quote holds one of the gold sentences, or one of them holds it."""
    return any(find_quote(sentence, quote) or find_quote(quote, sentence) for sentence in gold)


def without_model(course: Course, rows: list[dict[str, Any]]) -> None:
    """Decide each question with its passage in the course, and again without it."""
    from courses.models import Passage
    from tutor.chat.answerability import weights
    from tutor.chat.finding import Request, look
    from tutor.llm.models import Endpoint

    endpoint = Endpoint(name="none", base_url="http://127.0.0.1:9/v1", model="none")
    everything = Passage.objects.for_agent(course)
    answered, grounded, said, absent = [], [], [], []
    for row in rows:
        request = Request(course, None, row["question"], [], endpoint, everything)
        found = look(request, row["question"])
        answered.append(found.probability)
        sources = [statement.source for statement in found.statements]
        grounded.append(found.answers and any(on_gold(source, row["gold"]) for source in sources))
        parts = [source[a:b] for source in sources for a, b in sentence_spans(source)]
        said.append(float(np.mean([on_gold(part, row["gold"]) for part in parts])) if parts else 0.0)
        elsewhere = everything.exclude(material__filename=row["file"])
        absent.append(
            look(Request(course, None, row["question"], [], endpoint, elsewhere), row["question"]).answers
        )
    yes = np.array([row["answerable"] for row in rows])
    scores = np.array(answered)
    taken = scores >= weights().answered
    print(f"questions {len(rows)}: answerable {yes.sum()}, unanswerable {(~yes).sum()}")
    print(
        f"answered of the answerable {taken[yes].mean():.3f}, abstained of the unanswerable {(~taken)[~yes].mean():.3f}"
    )
    print(f"abstained when the passage is not in the course {1 - np.mean(absent):.3f}")
    print(f"answered with a gold sentence, of the answerable {np.array(grounded)[yes].mean():.3f}")
    print(f"share of an answer's sentences that are gold ones {np.array(said)[yes & taken].mean():.3f}")
    print(f"AUC of the decision {roc_auc_score(yes, scores):.3f}")
    for cut in (0.3, 0.4, 0.45, 0.5, 0.55, 0.6, 0.7):
        print(
            f"  cut {cut:.2f}: answered {(scores[yes] >= cut).mean():.3f}, abstained {(scores[~yes] < cut).mean():.3f}"
        )


def of_answers(file: Path, rows: list[dict[str, Any]]) -> None:
    """Score what `ask` printed."""
    by_id = {row["id"]: row for row in rows}
    results = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    yes = np.array([by_id[result["id"]]["answerable"] for result in results])
    abstained = np.array([result["abstained"] for result in results])
    cited = [[c for sentence in result["sentences"] for c in sentence["citations"]] for result in results]
    grounded = np.array(
        [
            any(on_gold(c["quote"], by_id[result["id"]]["gold"]) for c in quotes)
            for result, quotes in zip(results, cited, strict=True)
        ]
    )
    own = [
        c["file"] == by_id[result["id"]]["file"]
        for result, quotes in zip(results, cited, strict=True)
        for c in quotes
    ]
    verbatim = [
        find_quote(c["quote"], by_id[Path(c["file"]).stem]["text"]) is not None
        for quotes in cited
        for c in quotes
        if Path(c["file"]).stem in by_id
    ]
    print(
        f"answered of the answerable {(~abstained)[yes].mean():.3f}, abstained of the unanswerable {abstained[~yes].mean():.3f}"
    )
    print(f"with a gold sentence cited, of the answerable {grounded[yes].mean():.3f}")
    print(
        f"citations {len(own)}: verbatim {np.mean(verbatim):.3f}, from the question's own passage {np.mean(own):.3f}"
    )
    seconds = {
        key: [result["seconds"][key] for result in results] for key in ("search", "first_token", "total")
    }
    print(
        "seconds, median: " + ", ".join(f"{key} {np.median(values):.2f}" for key, values in seconds.items())
    )


def main() -> None:
    """Measure and print."""
    from courses.models import Course

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--answers", type=Path)
    options = parser.parse_args()
    rows = questions(options.data)
    if options.answers:
        of_answers(options.answers, rows)
    else:
        course = Course.objects.filter(slug=SLUG).first() or ingest(rows)
        without_model(course, rows)


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")
    import django

    django.setup()
    main()
