"""Writes courses/data/verifier_words.npz: the sentence model's vectors of the lexicon's words, reduced to 8-bit.

    python -m bench.word_vectors

The verifier compares single words by these, so that no word has to be embedded while an answer is checked.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[1] / "courses/data"
WIDTH = 64


def main() -> None:
    """Embed, reduce, write."""
    from tutor.llm.embeddings import embed

    words = sorted(json.loads((DATA / "verifier_lexicon.json").read_text(encoding="utf-8"))["words"])
    vectors = np.concatenate([embed(words[i : i + 1024]) for i in range(0, len(words), 1024)]).astype(
        np.float32
    )
    vectors -= vectors.mean(axis=0)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    _, _, axes = np.linalg.svd(vectors, full_matrices=False)
    small = vectors @ axes[:WIDTH].T
    small /= np.linalg.norm(small, axis=1, keepdims=True)
    sample = np.random.default_rng(0).integers(0, len(words), (2, 20_000))
    full = (vectors[sample[0]] * vectors[sample[1]]).sum(axis=1)
    kept = (small[sample[0]] * small[sample[1]]).sum(axis=1)
    np.savez_compressed(
        DATA / "verifier_words.npz", words="\n".join(words), vectors=np.round(small * 127).astype(np.int8)
    )
    print(len(words), "words, correlation of cosines", round(float(np.corrcoef(full, kept)[0, 1]), 3))


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tutor.settings")
    import django

    django.setup()
    main()
