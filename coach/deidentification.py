"""Names out of a transcript, before anything is stored or scored: the roster's, the speaker column's, the teacher's.

A name becomes its person's label wherever it stands, in every form (full, first, last, with an initial, possessive, in any
case). Names that are also words (Will, May, Mark) are the hard part. The promise is that no name stays, so the choice is
always the safe one: written with a capital, such a name goes; without one it stays only where it is clearly the word, and a
capitalised word at the beginning of a sentence that is clearly the word is written small. Numbers stay.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from coach import name_words as lists
from coach.readers.said import Said, tidy
from coach.talk import Transcript, Utterance, Voice, Word

if TYPE_CHECKING:
    from coach.models import Observation

SOMEONE = "Someone"
SHOWN = 20  # lines that a note names
_TOKEN = re.compile(r"[^\W\d_][\u0300-\u036f]*(?:[\u0300-\u036f]|['’ʼ`´](?=[^\W\d_])|[^\W\d_])*")
_SUFFIX = re.compile(r"['’ʼ`´](?:s|ll|d|re|ve|m)$", re.IGNORECASE)
_EMAIL = re.compile(r"[^\s@<>()\[\],;:]+@[^\s@<>()\[\],;:]+\.[^\W\d_]{2,}")
_UNSPACED = re.compile(
    r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]"
)  # scripts without spaces
_BETWEEN = re.compile(r"[\s.,‐‑-]{0,3}")


def fold(word: str) -> str:
    """A word as names are compared: without case, accents and apostrophes."""
    plain = unicodedata.normalize("NFKD", word)
    return "".join(char for char in plain.casefold() if char.isalpha() and not unicodedata.combining(char))


def parts(name: str) -> list[str]:
    """A name's parts in the order first to last, folded, without titles: “Rivera, Ms. Ana” is ana, rivera."""
    name = re.sub(r"[(\[\"“”].*?[)\]\"“”]", " ", name)
    last, comma, first = name.partition(",")
    tokens = [fold(match[0]) for match in _TOKEN.finditer(f"{first} {last}" if comma else name)]
    return [
        token
        for token in tokens
        if token and token not in lists.TITLES - {"sr"} and token not in lists.RESERVED
    ]


def nicknames(name: str) -> list[str]:
    """What stands in brackets or quotation marks in a name, if it is no role: William (Will) Chen."""
    held = re.findall(r"[(\[\"“](.*?)[)\]\"”]", name)
    return [token for words in held for token in parts(words)]


def roster_names(text: str | Iterable[str]) -> list[str]:
    """The names in a roster as people write them: one a line, or several separated by semicolons or commas."""
    lines = text.split("\n") if isinstance(text, str) else list(text)
    lines = [re.sub(r"^\s*(?:\d+[.)]?|[-*•])\s+", "", tidy(line.replace("\t", " ; "))) for line in lines]
    lines = [line for line in lines if line]
    names: list[str] = []
    for line in lines:
        line = _EMAIL.sub("", line)
        cells = re.split(r"\s*;\s*|\s+/\s+", line)
        if line.count(",") > 1 or (line.count(",") == 1 and len(lines) == 1):
            cells = [piece for cell in cells for piece in cell.split(",")]
        names += [cell.strip(" ,") for cell in cells if parts(cell) and _fit(cell)]
    return list(dict.fromkeys(names))


def _fit(cell: str) -> bool:
    """Whether a piece of a roster can be a name: not a class, a number or a paragraph."""
    return len(cell) <= 120 and not re.search(r"\d", cell)


@dataclass(frozen=True)
class _Edit:
    start: int
    end: int
    new: str


@dataclass(frozen=True)
class _Token:
    start: int
    end: int  # without a possessive
    folded: str
    text: str


class Names:
    """Replaces names by labels, always the same way.

    labels: name as it was written -> label. lower: whether the transcript is written without capitals. `words_left` counts
    the names that were left standing because they were clearly the word.
    """

    def __init__(self, labels: Mapping[str, str], *, lower: bool = False) -> None:
        self.labels = dict(labels)
        self.lower = lower
        self.words_left = 0
        unspaced = {
            _bare(name): label for name, label in self.labels.items() if _UNSPACED.search(name) and label
        }
        self._unspaced = {name: label for name, label in unspaced.items() if len(name) > 1}
        self._phrases: dict[str, list[tuple[tuple[str, ...], str]]] = {}
        self._singles: dict[str, str] = {}
        self._index()

    def _index(self) -> None:
        phrases: dict[tuple[str, ...], set[str]] = {}
        singles: dict[str, set[str]] = {}
        exact: dict[str, set[str]] = {}
        for name, label in self.labels.items():
            own = parts(name)
            if not own or not label:
                continue
            if len(own) == 1:
                exact.setdefault(own[0], set()).add(label)
            for form in _forms(own):
                phrases.setdefault(form, set()).add(label)
            for part in {*own, *_joined(own), *nicknames(name), *_behind_apostrophes(name)}:
                if len(part) > 1 and part not in lists.PARTICLES:
                    singles.setdefault(part, set()).add(label)
        for part, found in singles.items():
            self._singles[part] = _one_of(exact.get(part) if len(exact.get(part, ())) == 1 else found)
        for form, found in phrases.items():
            self._phrases.setdefault(form[0], []).append((form, _one_of(found)))
        for several in self._phrases.values():
            several.sort(key=lambda entry: -len(entry[0]))

    def knows(self, word: str) -> bool:
        """Whether a word is one of the names."""
        return fold(word) in self._singles

    def replace(self, text: str) -> str:
        """The text with every name replaced."""
        return _apply(text, self._edits(text))

    def replace_timed(
        self, text: str, words: Sequence[tuple[str, int, int]]
    ) -> tuple[str, tuple[tuple[str, int, int], ...]]:
        """The text and its timed words, both with every name replaced; what became one label is one word."""
        edits = self._edits(text)
        joined = " ".join(word for word, _, _ in words)
        return _apply(text, edits), _apply_timed(words, edits if joined == text else self._edits(joined))

    def _edits(self, text: str) -> list[_Edit]:
        edits = [_Edit(match.start(), match.end(), "[e-mail]") for match in _EMAIL.finditer(text)]
        for name, label in self._unspaced.items():
            edits += [
                _Edit(match.start(), match.end(), label) for match in re.finditer(re.escape(name), text)
            ]
        edits = _apart(edits)
        taken = [(edit.start, edit.end) for edit in edits]
        tokens = [token for token in _tokens(text) if not any(a <= token.start < b for a, b in taken)]
        shouted = text.isupper() and len(tokens) > 1
        place = 0
        while place < len(tokens):
            count, label = self._match(text, tokens, place)
            if not count:
                place += 1
                continue
            first, last = tokens[place], tokens[place + count - 1]
            titled = place > 0 and _is_title(text, tokens[place - 1], first)
            if count == 1 and first.folded in lists.WORDS and not titled:
                edit = self._word_or_name(text, tokens, place, label, caseless=self.lower or shouted)
                if edit is not None:
                    edits.append(edit)
                place += 1
                continue
            end = last.end
            if len(last.folded) == 1 and re.match(r"\.(?=\s+[^\W\d_A-Z]|[,;:?!'’])", text[end:]):
                end += 1  # the full stop of an initial, not of the sentence
            edits.append(_Edit(tokens[place - 1].start if titled else first.start, end, label))
            place += count
        return _apart(edits)

    def _match(self, text: str, tokens: Sequence[_Token], place: int) -> tuple[int, str]:
        """(how many tokens are a name here, its label); 0 where none is."""
        token = tokens[place]
        for form, label in self._phrases.get(token.folded, ()):
            here = tokens[place : place + len(form)]
            if (
                tuple(other.folded for other in here) == form
                and all(_BETWEEN.fullmatch(text[a.end : b.start]) for a, b in pairwise(here))
                and all(_is_initial(text, other) for other in here if len(other.folded) == 1)
            ):
                return len(form), label
        if token.folded in self._singles:
            return 1, self._singles[token.folded]
        stem = token.folded[:-1]
        if token.folded.endswith("s") and len(stem) > 3 and stem in self._singles and stem not in lists.WORDS:
            return 1, f"{self._singles[stem]}’s"  # “mayas answer”, the way speech recognition writes it
        return 0, ""

    def _word_or_name(
        self, text: str, tokens: Sequence[_Token], place: int, label: str, *, caseless: bool
    ) -> _Edit | None:
        token = tokens[place]
        around = _Around.of(text, tokens, place)
        capital = token.text[0].isupper()
        replaced = _Edit(token.start, token.end, label)
        if token.folded in lists.FUNCTION:
            spoken_to = around.alone or (
                around.begins and around.comma_after and token.folded not in lists.INTERJECTIONS
            )
            name = spoken_to or (capital and not caseless and not around.begins)
        elif (capital and not caseless and not around.begins) or around.is_name(self._singles):
            name = True
        elif caseless or capital:
            name = not around.is_word()
        else:
            name = False  # written small where names have capitals
        if name:
            return replaced
        self.words_left += 1
        return _Edit(token.start, token.end, token.text.lower()) if capital else None


@dataclass(frozen=True)
class _Around:
    """What stands around a word that may be a name."""

    word: str
    before: str  # the word before it in the sentence, in lower case; "" where it begins one
    after: str
    comma_before: bool
    comma_after: bool
    ends: bool  # a sentence
    possessive: bool
    digit_before: bool
    digit_after: bool

    @classmethod
    def of(cls, text: str, tokens: Sequence[_Token], place: int) -> _Around:
        token = tokens[place]
        possessive = bool(re.match(r"['’ʼ`´]s\b", text[token.end :], re.IGNORECASE))
        since = tokens[place - 1].end if place else 0
        until = tokens[place + 1].start if place + 1 < len(tokens) else len(text)
        gap, rest = text[since : token.start], text[token.end : until]
        begins = place == 0 or bool(re.search(r"[.!?…:;\"“”\[\](]", _without_suffix(gap)))
        ends = place + 1 == len(tokens) or bool(re.search(r"[.!?…:;]", rest))
        if re.search(r"\d", gap):
            begins = False
        return cls(
            word=token.folded,
            before="" if begins else tokens[place - 1].text.lower().replace("’", "'"),
            after="" if ends else tokens[place + 1].text.lower().replace("’", "'"),
            comma_before="," in gap or "–" in gap or "—" in gap,
            comma_after="," in rest or "–" in rest or "—" in rest,
            ends=ends,
            possessive=possessive,
            digit_before=bool(re.search(r"\d[\s-]*$", gap)),
            digit_after=bool(re.match(r"\s*\d", rest)),
        )

    @property
    def begins(self) -> bool:
        """It is the first word of a sentence."""
        return not self.before and not self.digit_before

    @property
    def alone(self) -> bool:
        """It stands between commas, or after one at the end: somebody is spoken to."""
        return self.comma_before and (self.comma_after or self.ends) and not self.begins

    def is_name(self, names: Mapping[str, str]) -> bool:
        """Something around it is said of or to people only."""
        if self.possessive or self.alone:
            return True
        if self.begins and (self.comma_after or self.ends):
            return True
        if self.after in lists.NAME_VERBS or self.before in lists.CALLS:
            return True
        if self.before in lists.GREETINGS and (self.ends or self.comma_after):
            return True
        return (self.before in ("and", "or") or self.after in ("and", "or")) and any(
            fold(word) in names and fold(word) not in lists.WORDS for word in (self.before, self.after)
        )

    def is_word(self) -> bool:
        """Something around it goes with the word only."""
        word, before, after = self.word, self.before, self.after
        if self.digit_before:
            return word in lists.NOUN
        if self.digit_after:
            return word in lists.MONTH or word == "page"
        if word in lists.MODAL and (before in lists.BEFORE_MODAL or after in lists.AFTER_MODAL):
            return True
        if word in lists.MONTH and before in lists.BEFORE_MONTH:
            return True
        if word in lists.VERB and (
            before in lists.BEFORE_VERB
            or after in lists.AFTER_VERB
            or (before == "to" and after in lists.AFTER_VERB)
        ):
            return True
        special = lists.SPECIAL.get(word)
        if special is not None and (before in special[0] or after in special[1]):
            return True
        return word in lists.NOUN and (
            before in lists.BEFORE_NOUN or after in lists.AFTER_NOUN.get(word, frozenset())
        )


def _bare(name: str) -> str:
    return re.sub(r"[\s,.·]+", "", name)


def _apart(edits: Iterable[_Edit]) -> list[_Edit]:
    """The edits in order, the longer one where two overlap."""
    kept: list[_Edit] = []
    for edit in sorted(edits, key=lambda edit: (edit.start, -edit.end)):
        if not kept or edit.start >= kept[-1].end:
            kept.append(edit)
    return kept


def _without_suffix(gap: str) -> str:
    return _SUFFIX.sub("", gap)


def _tokens(text: str) -> list[_Token]:
    tokens: list[_Token] = []
    for match in _TOKEN.finditer(text):
        end = match.end()
        if suffix := _SUFFIX.search(match[0]):
            end = match.start() + suffix.start()
        word = text[match.start() : end]
        tokens.append(_Token(match.start(), end, fold(word), word))
    return tokens


def _is_title(text: str, title: _Token, name: _Token) -> bool:
    between = text[title.end : name.start]
    return (
        title.folded in lists.TITLES
        and bool(re.fullmatch(r"\.?\s+|\.", between))
        and (title.folded in lists.SURE_TITLES or title.text[0].isupper() or "." in between)
    )


def _is_initial(text: str, token: _Token) -> bool:
    """A single letter that is no word of its own here: with a full stop, or a capital that is not A or I."""
    return token.text.isupper() and (text[token.end : token.end + 1] == "." or token.folded not in ("a", "i"))


def _forms(own: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """The ways in which a name of several parts is said and written."""
    if len(own) < 2:
        return
    first, last = own[0], own[-1]
    yield tuple(own)
    yield (first, last)
    yield (last, first)
    yield (last, *own[:-1])
    if first not in lists.WORDS:
        yield (first, last[0])
    if last not in lists.WORDS:
        yield (first[0], last)
    yield from pairwise(own)


def _joined(own: Sequence[str]) -> Iterator[str]:
    """A name run together, as in user names."""
    if len(own) > 1:
        for form in ("".join(own), own[0] + own[-1], own[0][0] + own[-1], own[0] + own[-1][0]):
            if len(form) > 4:
                yield form


def _behind_apostrophes(name: str) -> Iterator[str]:
    for match in _TOKEN.finditer(name):
        pieces = [fold(piece) for piece in re.split(r"['’ʼ`´]", match[0])]
        if len(pieces) > 1:
            yield from (piece for piece in pieces if len(piece) > 2)


def _one_of(labels: set[str] | None) -> str:
    """The label for a name that several people may have: nobody's in particular."""
    found = labels or {SOMEONE}
    if len(found) == 1:
        return next(iter(found))
    for kind in ("Student", "Teacher"):
        if all(label.startswith(kind) for label in found):
            return kind
    return SOMEONE


def _apply(text: str, edits: Sequence[_Edit]) -> str:
    pieces, at = [], 0
    for edit in edits:
        pieces += [text[at : edit.start], edit.new]
        at = edit.end
    return "".join([*pieces, text[at:]])


def _apply_timed(
    words: Sequence[tuple[str, int, int]], edits: Sequence[_Edit]
) -> tuple[tuple[str, int, int], ...]:
    """The words with the edits of their joined text made; words that an edit spans become one."""
    made: list[tuple[str, int, int]] = []
    waiting = list(edits)
    group: list[tuple[int, tuple[str, int, int]]] = []  # (offset, word) of words that one edit ties together
    offset = 0
    for word in words:
        end = offset + len(word[0])
        group.append((offset, word))
        if not any(edit.start < end < edit.end for edit in waiting):
            start = group[0][0]
            text = " ".join(item[0] for _, item in group)
            inside = [
                _Edit(edit.start - start, edit.end - start, edit.new)
                for edit in waiting
                if start <= edit.start < end
            ]
            made.append((_apply(text, inside), group[0][1][1], group[-1][1][2]))
            group = []
        offset = end + 1
    return tuple(made)


def without_capitals(texts: Iterable[str]) -> bool:
    """Whether a transcript is written in small letters throughout (or in capitals throughout)."""
    upper = lower = 0
    for text in texts:
        upper += sum(map(str.isupper, text))
        lower += sum(map(str.islower, text))
    return upper < 0.005 * max(lower, 1) or lower < 0.005 * max(upper, 1)


@dataclass
class Deidentified:
    """A transcript without names, and what its names became."""

    transcript: Transcript
    labels: dict[str, str]  # name as it was written -> label
    notes: list[str] = field(default_factory=list)
    lower: bool = False


def deidentified(
    said: Sequence[Said], roster: Iterable[str] = (), teachers: Iterable[str] = ()
) -> Deidentified:
    """What was said with every name replaced and every voice proposed.

    roster: names of the people in the class. teachers: the names of the teacher whose lesson it is.
    """
    from coach.speakers import cast_of

    lower = without_capitals(row.text for row in said)
    cast = cast_of(said, list(roster), list(teachers))
    names = Names(cast.labels, lower=lower)
    utterances: list[Utterance] = []
    unsure: list[int] = []
    for line, row in enumerate(said, 1):
        before = names.words_left
        text, words = names.replace_timed(row.text, row.words)
        if names.words_left > before:
            unsure.append(line)
        member = cast.of(row.speaker)
        timed = tuple(Word(*word) for word in words)
        utterances.append(
            Utterance(line, member.label, member.voice or Voice.OTHER, text, row.start, row.end, timed)
        )
    notes = list(cast.notes)
    if unsure:
        where = ", ".join(map(str, unsure[:SHOWN])) + (
            f" and {len(unsure) - SHOWN} more" if len(unsure) > SHOWN else ""
        )
        notes.append(
            f"A word that is also a name in this class was left where it is clearly the word, in "
            f"line{'s' * (len(unsure) > 1)} {where}. Please check."
        )
    return Deidentified(Transcript(tuple(utterances)), cast.labels, notes, lower)


def without_names(observation: Observation, text: str) -> str:
    """What a person writes about a lesson, with the lesson's names replaced; unchanged once they were forgotten."""
    names = names_of(observation)
    return names.replace(text) if names is not None else text


def names_of(observation: Observation) -> Names | None:
    """What replaces the names of a lesson that was read; None where the names were forgotten, or cannot be read any more."""
    from coach.models import NameMap

    held = NameMap.objects.filter(observation=observation).first()
    known = held.known() if held is not None else None
    if known is None:
        return None
    texts = observation.utterances.values_list("text", flat=True)[:300]
    return Names(known, lower=without_capitals(texts))
