"""What can be counted in a pair of utterances: repetition, questions, openings, lengths; and the pair's terms.

A feature's place is fixed by `NAMES`; shipped weights rest on it. Change the list and train again.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from coach.classifiers import Pair

Floats = NDArray[np.float32]
_listed = str.split  # long lists read better as text

LITTLE = frozenset(
    _listed(
        "a an the and or but so to of in on at is are was were be been it its it's this that that's these those i i'm you "
        "you're he she we we're they me my your our their them him his her do does did don't have has had not no if then than "
        "as for with from by up out there here what what's which who how why when where can can't could would will just about "
        "like get got go okay ok yes yeah right good now well um uh oh let let's"
    )
)
QUESTION_WORDS = frozenset(_listed("what why how who which where when"))
# stretches of words whose presence is a feature; the first OPENINGS of them also where the utterance begins
STRETCHES = _listed(
    "okay,good,very good,yes,no,yeah,right,why,how,what,explain,tell me,do you,did you,can you,how did,how do,how many,"
    "how come,what do,what did,what else,what's,agree,think,know,because,so you,you said,say,sit,listen,everybody,somebody,"
    "who,anybody,raise,all right,thank you,let's,look,go ahead,student,show,mean,another,different,does that,is that,are you,"
    "where,which,when,will,would,could,if,so,and,but,you're,we're,i'm,i want,i need,shh,please,stop,page,paper,book,pencil,"
    "bathroom,mm-hmm,uh-huh,equals,times,number",
    ",",
)
OPENINGS = 60
BEFORE_STRETCHES = _listed("i,you,can i,it,the,because,equals,what,how,why,do we,that,they,is", ",")
COUNTS = _listed(
    "words_before words shared shared_of_before shared_of_text shared_numbers numbers_before numbers run run_of_before "
    "shared_bigrams shared_at_start shared_at_start_little questions questions_a_sentence ends_in_question "
    "before_ends_in_question questions_before sentences first_sentence first_sentence_asks first_two_ask students brackets "
    "brackets_before dashes breaks_off before_breaks_off because_before because question_words ends_in_question_word "
    "at_most_2 at_most_4 before_at_most_3"
)
NAMES = (
    *COUNTS,
    *(f"has:{stretch}" for stretch in STRETCHES),
    *(f"opens:{stretch}" for stretch in STRETCHES[:OPENINGS]),
    *(f"before:{stretch}" for stretch in BEFORE_STRETCHES),
)
LONG = 80  # words in which a run is looked for


def words(text: str) -> list[str]:
    """Words and numbers, lower case."""
    return re.findall(
        r"[a-z]+(?:['-][a-z]+)*|\d+(?:[./]\d+)*", text.lower().replace("’", "'").replace("‑", "-")
    )


def bare(text: str) -> str:
    """The text as a recogniser without punctuation would write it."""
    return " ".join(re.sub(r"[^\w\s'’/.]|\.(?!\d)|(?<!\w)['’]|['’](?!\w)", " ", text).lower().split())


def measured(pairs: Sequence[Pair]) -> Floats:
    """The features of each pair, [n, len(NAMES)]."""
    return np.array([_measure(pair) for pair in pairs], np.float32).reshape(len(pairs), len(NAMES))


def _measure(pair: Pair) -> list[float]:
    before, text = words(pair.before), words(pair.text)
    content_before = {word for word in before if word not in LITTLE}
    content = {word for word in text if word not in LITTLE}
    shared = content_before & content
    numbers_before = {word for word in before if word[0].isdigit()}
    numbers = {word for word in text if word[0].isdigit()}
    run = longest_run(before[:LONG], text[:LONG])
    start = set(text[:12])
    sentences = [part for part in re.split(r"(?<=[.?!…—–])\s+", pair.text) if part]
    first = sentences[0] if sentences else ""
    questions = pair.text.count("?")
    counts = [
        np.log1p(len(before)),
        np.log1p(len(text)),
        len(shared),
        len(shared) / (len(content_before) + 1),
        len(shared) / (len(content) + 1),
        len(numbers & numbers_before),
        len(numbers_before),
        len(numbers),
        run,
        run / (len(before) + 1),
        len(_bigrams(before) & _bigrams(text)),
        len(start & content_before),
        len(start & set(before)),
        questions,
        questions / (len(sentences) + 1),
        pair.text.rstrip().endswith("?"),
        pair.before.rstrip().endswith("?"),
        pair.before.count("?"),
        len(sentences),
        len(first.split()),
        "?" in first,
        "?" in "".join(sentences[:2]),
        pair.text.count("Student"),
        pair.text.count("["),
        pair.before.count("["),
        pair.text.count("–") + pair.text.count("—"),
        pair.text.rstrip().endswith(("–", "—", "-")),
        pair.before.rstrip().endswith(("–", "—", "-")),
        "because" in before,
        "because" in text,
        sum(word in QUESTION_WORDS for word in text),
        bool(text) and text[-1] in QUESTION_WORDS,
        len(text) <= 2,
        len(text) <= 4,
        len(before) <= 3,
    ]
    spoken, opening, spoken_before = _padded(text), _padded(text[:12]), _padded(before)
    return [
        *map(float, counts),
        *(float(f" {stretch} " in spoken) for stretch in STRETCHES),
        *(float(opening.startswith(f" {stretch} ")) for stretch in STRETCHES[:OPENINGS]),
        *(float(f" {stretch} " in spoken_before) for stretch in BEFORE_STRETCHES),
    ]


def longest_run(left: Sequence[str], right: Sequence[str]) -> int:
    """The length of the longest run of words that stands in both."""
    best, row = 0, [0] * (len(right) + 1)
    for word in left:
        last = 0
        for place, other in enumerate(right, start=1):
            last, row[place] = row[place], last + 1 if word == other else 0
            best = max(best, row[place])
    return best


def terms(pair: Pair) -> list[str]:
    """The pair's terms: words and word pairs of both sides, apart, and stretches of letters of the judged text."""
    text, before = words(pair.text), words(pair.before)
    letters = [f" {word} " for word in text]
    return [
        *(f"t:{word}" for word in text),
        *(f"t:{one} {two}" for one, two in pairwise(text)),
        *(f"b:{word}" for word in before),
        *(f"b:{one} {two}" for one, two in pairwise(before)),
        *(f"c:{word[i : i + 3]}" for word in letters for i in range(len(word) - 2)),
        *(["t:?"] if "?" in pair.text else []),
    ]


def _bigrams(found: Sequence[str]) -> set[tuple[str, str]]:
    return set(pairwise(found))


def _padded(found: Iterable[str]) -> str:
    return f" {' '.join(found)} "
