"""A page's text as a teacher would say it. By rules, without a language model.

The material's own sentences are kept; what is no sentence becomes one: a formula is said with what leads up to it, list
fragments are gathered under their heading, a caption is shown, a table is read row by row, code is pointed at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from courses.anchors import StoredBlock
from courses.grammar import DETERMINERS, PREPOSITIONS, looks_plural, tokens
from courses.sentences import sentences
from courses.wording import bag
from tutor.classrooms.fitting import capital, finish, inline, is_sentence, listed, lower, one_line

LONG_FORMULA = 120  # characters; a longer one is shown, not said
ROWS_READ = 6
_BULLET = re.compile(r"^[ \t]*(?:[-*•‣▪◦–·]|\(?\d{1,3}[.)])[ \t]+")
_REASON = re.compile(r"^(?P<what>[^,:;]{12,90}?(?:, not [^,:;]{2,30})?),? because (?!of\b)(?P<why>.{12,})$")
_TASK = re.compile(
    r"^(?:ask|invite|remind|let|have|tell|give|show|wait|pause|mention|skip|hand out|draw|demo|demonstrate)\b",
    re.IGNORECASE,
)
_ASK_CLASS = re.compile(
    r"^(?:ask|let) (?:the )?(?:room|class|students?|audience|everybody|them|people) "
    r"(?P<what>(?:why|how|what|which|whether|when|where|who|if)\b[^.]*?)(?:\s+before\s.*)?[.?]?$",
    re.IGNORECASE,
)
_POINT_AT = re.compile(r"^point (?:at|to|out) (?P<what>the [\w\s-]{2,50})\.$", re.IGNORECASE)
_LEADS = re.compile(
    r"\b(?:able to|how to|want to|need to|has to|have to|used to|order to)[.:]?$", re.IGNORECASE
)
_POINTS_ON = re.compile(r":$|\b(?:following|these|as follows|below)\b[^.?!]*[.:]$", re.IGNORECASE)
_READ_CODE = (
    "Take a moment to read the {} on the page.",
    "Go through the {} on the page line by line.",
    "Read the {} on the page, and say to yourself what it does.",
)
_EXAMPLES = re.compile(r"^(?:ex|e\.g\.?|examples?)(?=:$)", re.IGNORECASE)
_INSTANCE = re.compile(r"^(?:ex|e\.g|eg)\b\.?[:,]?\s+", re.IGNORECASE)
_LABEL = re.compile(r"^(?P<label>[A-Z][\w' -]{2,40}):\s+(?P<rest>\S.*)$", re.DOTALL)
_FURNITURE = re.compile(
    r" [·|•] |^\W*\d*\W*$|^(?:page|slide|lecture|chapter|week|version)\s+[\divx.]+$|https?://\S+$|@",
    re.IGNORECASE,
)
_PICTURE = re.compile(
    r"^(?:[A-Z][\w-]+ )?(?:diagram|plot|graph|picture|photo|photograph|sketch|schematic|histogram|chart|map|screenshot) of\b",
    re.IGNORECASE,
)
_CHOOSING = bag(
    "choose use apply pick take try avoid call write because when if so"
)  # headers that begin a clause
_EXERCISE = re.compile(r"^(?:problem|exercise|task|assignment|question|homework|quiz)\b", re.IGNORECASE)
_FILLER = re.compile(r"\b(?:um+|uh+|erm?|hmm+)\b,?\s*", re.IGNORECASE)
_IMPERATIVE = bag(
    "compare compute calculate derive discuss draw estimate evaluate explain find give name plot predict prove repeat set "
    "show simplify sketch solve state suggest try verify work write"
)


@dataclass(frozen=True)
class Said:
    """A sentence of the script. region: offsets in the material's text to point at meanwhile; plain: the material's own
    words, to fall back on; ask: a question or task for the class."""

    text: str
    claim: bool = True
    region: tuple[int, int] | None = None
    plain: str = ""
    ask: bool = False


@dataclass(frozen=True)
class Piece:
    """A sentence, list item, formula, figure, table or listing of a page; offsets in the material's text."""

    kind: str
    text: str
    start: int
    end: int
    block: int  # number of the block it stands in
    notes: bool = False
    language: str = ""
    output: bool = False
    speech: bool = False


def say(
    text: str, blocks: Sequence[StoredBlock], title: str, span: tuple[int, int], names: Sequence[str] = ()
) -> list[Said]:
    """What a teacher says on a page: its body, and the speaker's notes where there are some. names: titles of what the page
    belongs to, which are not said again.

    Notes that hold the talk come first, and the body adds what they leave out; short ones are remarks on the body.
    """
    known = {name.casefold().strip(" .") for name in (*names, title)}
    found = [piece for piece in pieces(text, blocks, span) if piece.text.casefold().strip(" .") not in known]
    body = list(_spoken([piece for piece in found if not piece.notes], title))
    notes = [said for piece in found if piece.notes for said in _note(piece)]
    if not notes:
        return _with_question(body)
    if _length(notes) >= _length(body):
        spoken = {word for said in notes for word in _content(said.text)}
        rest = [said for said in body if said.region is None or _share(said.text, spoken) < 0.6]
        return _with_question([*notes, *rest])
    return _with_question([*body, *notes])


def _length(said: Sequence[Said]) -> int:
    return sum(len(one.text) for one in said)


def _content(text: str) -> list[str]:
    return [word.lower() for word in re.findall(r"[^\W\d_]{4,}", text)]


def _share(text: str, spoken: set[str]) -> float:
    words = _content(text)
    return sum(word in spoken for word in words) / len(words) if words else 0.0


# From blocks to pieces ----------------------------------------------------------------------------------------------


def pieces(text: str, blocks: Sequence[StoredBlock], span: tuple[int, int]) -> Iterator[Piece]:
    """The pieces of a page, in order, without its headings."""
    for kind, run in groupby(enumerate(blocks), key=lambda pair: pair[1]["kind"]):
        group = list(run)
        if kind == "cue":
            start = max(group[0][1]["start"], span[0])
            end = min(group[-1][1]["end"], span[1])
            for a, b in sentences(re.sub(r"\s", " ", text[start:end])):
                yield Piece(
                    "sentence", text[start + a : start + b], start + a, start + b, a // 240, speech=True
                )
            continue
        for number, block in group:
            yield from _of_block(text, number, block)


def _of_block(text: str, number: int, block: StoredBlock) -> Iterator[Piece]:
    kind, start, end, data = block["kind"], block["start"], block["end"], block["data"]
    notes = bool(data.get("notes"))
    if kind == "list":
        for item in re.finditer(
            r"[^\n]*\S[^\n]*(?:\n(?![ \t]*(?:[-*•‣▪◦–·]|\(?\d{1,3}[.)])[ \t])[^\n]*\S[^\n]*)*",
            text[start:end],
        ):
            mark = _BULLET.match(item.group())
            first = start + item.start() + (mark.end() if mark else 0)
            stop = start + item.end()
            for index, (a, b) in enumerate(sentences(text[first:stop])):
                name = "item" if index == 0 else "sentence"
                yield Piece(name, text[first + a : first + b], first + a, first + b, number, notes)
    elif kind == "text":
        for a, b in sentences(text[start:end]):
            yield Piece("sentence", text[start + a : start + b], start + a, start + b, number, notes)
    elif kind != "heading":
        yield Piece(
            kind,
            text[start:end],
            start,
            end,
            number,
            notes,
            str(data.get("language", "")),
            bool(data.get("output")),
        )


# From pieces to sentences -------------------------------------------------------------------------------------------


def _spoken(found: Sequence[Piece], title: str) -> Iterator[Said]:
    at = 0
    while at < len(found):
        piece = found[at]
        if piece.kind in ("sentence", "item"):
            taken, said = _sentence(found, at, title)
            yield from said
            at += taken
            continue
        yield from _shown(piece)
        at += 1


def _sentence(found: Sequence[Piece], at: int, title: str) -> tuple[int, list[Said]]:
    """What is said of the sentence at `at`; and how many pieces that used up."""
    piece = found[at]
    text = one_line(piece.text)
    following = found[at + 1] if at + 1 < len(found) else None
    if following is not None and following.kind == "formula" and not re.search(r"[.!?…]$", text):
        return _with_formula(found, at)
    if _LEADS.search(text) and following is not None and following.kind == "item":
        return _with_items(found, at, text)
    if _POINTS_ON.search(text) and following is not None and following.kind == "item":
        fragments = _fragments(found, at + 1)
        if fragments:
            text = f"{_EXAMPLES.sub('For example', text).rstrip('.:')}:"
            said = f"{text} {listed([one_line(f.text) for f in fragments])}"
            region = (piece.start, fragments[-1].end)
            return 1 + len(fragments), [Said(finish(said), region=region, plain=finish(text.rstrip(":")))]
    if text.endswith(":") and following is not None and following.kind == "code":
        return 1, _before_code(piece, text)
    if piece.kind == "item" and not is_sentence(text):
        fragments = _fragments(found, at)
        if len(fragments) > 1:
            names = [one_line(fragment.text) for fragment in fragments]
            region = (fragments[0].start, fragments[-1].end)
            said = f"Listed here: {listed([lower(name) for name in names])}"
            return len(fragments), [Said(finish(said), region=region, plain=finish(listed(names)))]
    return 1, _one(piece, text, title)


def _before_code(piece: Piece, text: str) -> list[Said]:
    """What leads to a listing, which is not read aloud."""
    lead = text.rstrip(" :")
    region = (piece.start, piece.end)
    if re.match(r"(?:the |its )?(?:sample |example )?output\b", lead, re.IGNORECASE):
        return [Said("And this is the output.", claim=False, region=region)]
    if len(lead.split()) < 5 or not is_sentence(finish(lead)):
        return []  # “Consider the following”
    if re.search(
        r"\b(?:print|prints|output|outputs|is|are|as|return|returns|gives?|like)$", lead, re.IGNORECASE
    ):
        return [Said(f"{lead} what you see on the page.", region=region, plain=finish(lead))]
    return [Said(finish(lead), region=region)]


def _with_items(found: Sequence[Piece], at: int, text: str) -> tuple[int, list[Said]]:
    """A sentence that the items under it end, each in its own way: “you should be able to” … ."""
    items: list[Piece] = []
    for piece in found[at + 1 : at + 6]:
        if piece.kind != "item" or (items and piece.block != items[0].block) or len(piece.text) > 160:
            break
        items.append(piece)
    lead = text.rstrip(" .:")
    if not items:
        return 1, [Said(finish(lead), region=(found[at].start, found[at].end))]
    ends = listed([lower(one_line(piece.text)) for piece in items])
    region = (found[at].start, items[-1].end)
    return 1 + len(items), [Said(finish(f"{lead} {ends}"), region=region)]


def _with_formula(found: Sequence[Piece], at: int) -> tuple[int, list[Said]]:
    """A lead-in with its formula, and with what goes on behind the formula in the same sentence."""
    piece, formula = found[at], found[at + 1]
    text, written = one_line(piece.text), inline(formula.text)
    taken, end = 2, formula.end
    if len(written) > LONG_FORMULA and text.endswith(":"):
        shown = Said("The page writes it out in full.", claim=False, region=(formula.start, formula.end))
        return 2, [Said(finish(text[:-1]), region=(piece.start, piece.end)), shown]
    text = _INSTANCE.sub("For example, ", text)
    said = f"{text} {written}"
    if at + 2 < len(found):
        rest = found[at + 2]
        continued = one_line(rest.text)
        if rest.kind in ("sentence", "item") and re.match(r"[a-z]", continued):
            comma = "," if re.match(r"(?:where|with|which|so|because|and)\b", continued) else ""
            said, taken, end = f"{said}{comma} {continued}", 3, rest.end
    return taken, [Said(finish(capital(said)), region=(piece.start, end))]


def _fragments(found: Sequence[Piece], at: int) -> list[Piece]:
    """List items from `at` on that are no sentences of their own, at most seven."""
    run: list[Piece] = []
    for piece in found[at : at + 7]:
        text = one_line(piece.text)
        if (
            piece.kind != "item"
            or is_sentence(text)
            or len(text) > 120
            or (run and piece.block != run[0].block)
        ):
            break
        run.append(piece)
    return run


def _one(piece: Piece, text: str, title: str = "") -> list[Said]:
    """A single sentence or fragment."""
    region = (piece.start, piece.end)
    text = re.sub(r",\s*\.$", ", and so on.", _FILLER.sub("", text))
    if text.endswith(":") and not is_sentence(finish(text.rstrip(" :"))):
        return []  # it only leads to what is not said
    if not re.search(r"[^\W\d_]{2,}", text) or _FURNITURE.search(text):
        return []
    if _INSTANCE.match(text):
        rest = _INSTANCE.sub("", text)
        return [Said(finish(f"For example, {lower(rest)}"), region=region, plain=finish(capital(rest)))]
    if text.endswith("?"):
        return [Said(text, claim=False, region=region, ask=True)]
    if piece.speech:
        return [Said(finish(capital(text)), region=region)]
    if _EXERCISE.match(title) and text.split()[0].lower() in _IMPERATIVE:
        return [Said(finish(text), claim=False, region=region, ask=True)]
    if _PICTURE.match(text):
        return list(_pictured("Look at", text, region))
    label = _LABEL.match(text)
    if label:
        name, rest = label["label"].lower(), label["rest"]
        if name in ("example", "for example", "e.g"):
            return [Said(finish(f"For example, {lower(rest)}"), region=region, plain=finish(capital(rest)))]
        if name in ("today", "this week", "next week", "next time", "outline", "agenda"):
            when = label["label"] if name not in ("outline", "agenda") else "Today"
            return [Said(finish(f"{when} we look at {lower(rest)}"), claim=False, region=region)]
        if name in ("homework", "exercise", "exercises", "task", "reading"):
            return [Said(finish(f"Your {name} is {lower(rest)}"), claim=False, region=region)]
        if name in ("note", "remark", "important", "remember", "warning", "caution", "tip") and is_sentence(
            rest
        ):
            return [Said(finish(f"Remember: {lower(rest)}"), region=region, plain=finish(rest))]
    if is_sentence(text):
        return [Said(finish(capital(text.removesuffix(":"))), region=region)]
    words = tokens(text)
    if len(words) < 4 or (piece.kind == "sentence" and len(words) < 8 and not re.search(r"[.!:]", text)):
        return []  # a label of a diagram
    if ":" in text and (
        looks_plural(words[1].low)
        or re.match(r"(?:two|three|four|five|six|seven|eight|nine|ten)\b", text, re.IGNORECASE)
    ):
        return [Said(finish(f"Here are {lower(text)}"), region=region, plain=finish(text))]
    if label:
        return [
            Said(finish(f"Take {lower(label['label'])}: {label['rest']}"), region=region, plain=finish(text))
        ]
    return [Said(finish(f"Remember this: {lower(text)}"), region=region, plain=finish(text))]


def _shown(piece: Piece) -> Iterator[Said]:
    """A formula, figure, table or listing that stands alone."""
    region = (piece.start, piece.end)
    text = one_line(piece.text)
    if piece.kind == "formula":
        if len(text) <= LONG_FORMULA:
            yield Said(finish(f"As a formula: {inline(piece.text)}"), region=region)
        else:
            yield Said("Look at the formula on the page.", claim=False, region=region)
    elif piece.kind == "figure":
        yield from _figure(text, region)
    elif piece.kind == "table":
        yield from _table(piece)
    elif piece.kind == "code":
        if piece.output:
            yield Said("And this is what it prints.", claim=False, region=region)
        else:
            named = f"{piece.language.capitalize()} code" if piece.language else "code"
            yield Said(_READ_CODE[piece.block % len(_READ_CODE)].format(named), claim=False, region=region)


def _figure(text: str, region: tuple[int, int]) -> Iterator[Said]:
    if text == "[Figure]" or not text:
        yield Said("Look at the picture on the page.", claim=False, region=region)
        return
    first = re.sub(r"^(?:figure|fig\.?|abb\.?)\s*[\d.]*\s*[:.]?\s*", "", text, flags=re.IGNORECASE) or text
    head, *more = [first[a:b] for a, b in sentences(first)]
    if is_sentence(re.split(r"[:;]", head)[0]):
        yield Said(finish(f"Look at the figure: {lower(head)}"), region=region, plain=finish(capital(head)))
    else:
        yield from _pictured("The figure shows", head, region)
    for sentence in more:
        yield Said(finish(sentence), region=region)


def _pictured(lead: str, caption: str, region: tuple[int, int]) -> Iterator[Said]:
    """A caption that names what is seen, and behind a colon may say what that shows."""
    seen, colon, rest = caption.partition(": ")
    if not colon or not is_sentence(finish(rest)):
        seen, rest = caption, ""
    yield Said(finish(f"{lead} {_with_article(seen)}"), region=region, plain=finish(capital(seen)))
    if rest:
        yield Said(finish(rest[:1].upper() + rest[1:]), region=region)


def _with_article(phrase: str) -> str:
    words = tokens(phrase)
    if not words or words[0].low in DETERMINERS or words[0].text[:1].isdigit():
        return lower(phrase)
    noun = re.split(r"\s+(?:of|in|for|from|with|between)\b|[:,;]", phrase)[0].split()[-1]
    if looks_plural(noun):
        return lower(phrase)
    return (
        f"the {lower(phrase)}"
        if re.match(r"[\w\s-]+\sof\s", phrase)
        else f"{'an' if phrase[:1].lower() in 'aeio' else 'a'} {lower(phrase)}"
    )


def _table(piece: Piece) -> Iterator[Said]:
    """A table row by row where it is small, else only pointed at."""
    rows = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]
        for line in piece.text.splitlines()
    ]
    rows = [row for row in rows if not all(re.fullmatch(r":?-+:?", cell) for cell in row)]
    region = (piece.start, piece.end)
    yield Said("Look at the table on the page.", claim=False, region=region)
    if len(rows) < 2 or len(rows) > ROWS_READ + 1 or len(rows[0]) < 2 or not all(rows[0]):
        return
    position = piece.start
    for line, row in zip([one for one in piece.text.splitlines() if one.strip(" |:-")], rows, strict=False):
        start = piece.start + piece.text.find(line, position - piece.start)
        position = start
        if row is not rows[0] and len(row) == len(rows[0]) and all(row):
            said = _row(rows[0], row)
            yield Said(said, region=(start, start + len(line)), plain=said)


def _row(header: Sequence[str], row: Sequence[str]) -> str:
    """A row as a sentence, by what the headers are: a verb, a conjunction, or a thing that has a value."""
    first = header[0].lower()
    lead = f"If {first} is {lower(row[0])}" if first.startswith("what ") else f"For {lower(row[0])}"
    parts: list[str] = []
    for name, cell in zip(header[1:], row[1:], strict=True):
        name = lower(name)
        if name.split()[0] in _CHOOSING:
            parts.append(f"{name} {lower(cell)}")
        elif name.split()[0] in PREPOSITIONS:
            parts.append(f"{name}: {lower(cell)}")
        else:
            parts.append(f"the {name} is {lower(cell)}")
    return finish(
        f"{lead}, {', and '.join(parts) if len(parts) == 2 and parts[1].startswith('the ') else ', '.join(parts)}"
    )


# The speaker's notes ------------------------------------------------------------------------------------------------


def _note(piece: Piece) -> Iterator[Said]:
    """A sentence of the notes: speech already, or a word to the teacher, which becomes what it asks for."""
    text = one_line(piece.text)
    region = None
    if found := _ASK_CLASS.match(text):
        yield Said(f"Can you say {found['what'].strip()}?", claim=False, ask=True)
    elif found := _POINT_AT.match(text):
        yield Said(f"Look at {found['what']}.", claim=False)
    elif text.endswith("?"):
        yield Said(text, claim=False, ask=True)
    elif (first := text.split()[0].lower().strip(",")) in _IMPERATIVE and first != "show":
        yield Said(
            finish(f"Try it yourself: {lower(re.sub(r' on the (?:black|white)?board(?=[.]?$)', '', text))}"),
            claim=False,
            ask=True,
        )
    elif not _TASK.match(text):
        yield from (replace(said, region=region) for said in _one(piece, text))


def _with_question(said: list[Said]) -> list[Said]:
    """Once a page, a reason is asked for before it is given."""
    if any(one.ask for one in said):
        return said
    for number, one in enumerate(said):
        found = _REASON.match(one.text) if one.claim else None
        if (
            found
            and number
            and tokens(found["what"])[0].low
            not in ("it", "this", "that", "they", "these", "perhaps", "maybe")
        ):
            question = f"Before I tell you: can you say why {lower(found['what'])}?"
            return [*said[:number], Said(question, claim=False, region=one.region, ask=True), *said[number:]]
    return said
