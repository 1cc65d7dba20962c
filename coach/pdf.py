"""A report as a PDF to keep and to print: A4, the same statements as the page, quotes word for word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import cache, lru_cache
from io import BytesIO
from typing import Any
from xml.sax.saxutils import escape

from django.conf import settings
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.cidfonts import UnicodeCIDFont
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    CondPageBreak,
    Flowable,
    KeepTogether,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from coach import charts
from coach.composing import Figure, Judged, Rated, Sheet, Stated, clock_at
from coach.models import Finding, Rating, Suggestion
from coach.moves import MOVES
from coach.wording import figure, span

INK, SOFT, FAINT = colors.HexColor("#1a2130"), colors.HexColor("#465063"), colors.HexColor("#5d6779")
PEN, GOOD, WARN, BAD = (colors.HexColor(code) for code in ("#2a48b5", "#17633f", "#7f4a00", "#ab2119"))
LINE, SUNKEN, WASH = (colors.HexColor(code) for code in ("#d8dce5", "#e9ebf1", "#c3cdf3"))
LANE_COLOURS = {"teacher": PEN, "student": GOOD, "group": WARN, "silence": colors.HexColor("#7d8799")}
MARGIN = 18 * mm
WIDTH = A4[0] - 2 * MARGIN - 12  # a frame keeps 6 points free on either side
# Fonts that PDF viewers have for scripts of which no typeface is carried here.
EAST_ASIAN = {
    "\u3040-\u30ff": "HeiseiMin-W3",
    "\uac00-\ud7af\u1100-\u11ff": "HYSMyeongJo-Medium",
    "\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef": "STSong-Light",
}
FONT, BOLD, ITALIC = "Liberation", "Liberation-Bold", "Liberation-Italic"


@cache
def fonts() -> None:
    """Register the typeface once a process: Liberation Sans (OFL), which the PDF viewer brings along."""
    folder = settings.BASE_DIR / "static" / "vendor" / "pdfjs" / "standard_fonts"
    for name, file in ((FONT, "Regular"), (BOLD, "Bold"), (ITALIC, "Italic")):
        pdfmetrics.registerFont(TTFont(name, str(folder / f"LiberationSans-{file}.ttf")))
    pdfmetrics.registerFontFamily(FONT, normal=FONT, bold=BOLD, italic=ITALIC, boldItalic=BOLD)


def _style(name: str, size: float, **more: Any) -> ParagraphStyle:
    return ParagraphStyle(
        name, **({"fontName": FONT, "fontSize": size, "leading": size * 1.35, "textColor": INK} | more)
    )


TITLE = _style("title", 20, fontName=BOLD, spaceAfter=4)
LEDE = _style("lede", 10, textColor=SOFT)
KIND = _style("kind", 10, fontName=ITALIC, textColor=SOFT, spaceBefore=6, spaceAfter=4)
H2 = _style("h2", 13.5, fontName=BOLD, spaceBefore=14, spaceAfter=5)
H3 = _style("h3", 10.5, fontName=BOLD, spaceBefore=8, spaceAfter=2)
TEXT = _style("text", 9.5, spaceAfter=3)
SMALL = _style("small", 8, textColor=SOFT)
CELL = _style("cell", 8.5)
NUMBER = _style("number", 8.5, alignment=2)
HEAD = _style("head", 8, fontName=BOLD, textColor=FAINT)
QUOTE = _style("quote", 9.5, leftIndent=10, borderPadding=(0, 0, 0, 6), spaceBefore=2)
SOURCE = _style("source", 8, leftIndent=10, textColor=FAINT, spaceAfter=4)
FOOT = _style("foot", 8, textColor=FAINT)
SAY = _style("say", 11, fontName=BOLD, spaceAfter=3)


def document(sheet: Sheet) -> bytes:
    """The report as PDF."""
    fonts()
    observation = sheet.report.observation
    out = BytesIO()
    pages = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=MARGIN,
        rightMargin=MARGIN,
        topMargin=MARGIN,
        bottomMargin=20 * mm,
        title=f"{observation.title}: report",
        author="Lyceum",
        lang="en",
    )
    story = [
        *_head(sheet),
        *_timeline(sheet),
        *_findings(sheet),
        *_suggestions(sheet),
        *_goals(sheet),
        *_figures(sheet.figures, sheet.earlier),
        *_instruments(sheet),
        *_behind(sheet),
    ]
    foot = f"{observation.title}, {observation.taught_on:%d %B %Y}. Not to be used for evaluating people."
    pages.build(story, canvasmaker=lambda *a, **k: _Numbered(foot, *a, **k))
    return out.getvalue()


class _Numbered(Canvas):  # type: ignore[misc]
    """A canvas that knows at the end how many pages there are, and writes it under each."""

    def __init__(self, foot: str, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._foot = foot
        self._pages: list[dict[str, Any]] = []

    def showPage(self) -> None:
        self._pages.append(dict(self.__dict__))
        self._startPage()

    def save(self) -> None:
        for page in self._pages:
            self.__dict__.update(page)
            foot = self._foot if len(self._foot) < 110 else f"{self._foot[:109]}…"
            line = _text(foot, FOOT)
            line.wrapOn(self, WIDTH - 40, 20 * mm)
            line.drawOn(self, MARGIN + 6, 11 * mm - FOOT.leading + FOOT.fontSize)
            self.setFont(FONT, 8)
            self.setFillColor(FAINT)
            self.drawRightString(A4[0] - MARGIN - 6, 11 * mm, f"{self._pageNumber} of {len(self._pages)}")
            super().showPage()
        super().save()


def _text(words: object, style: ParagraphStyle = TEXT) -> Paragraph:
    """Words of people and of lessons, never markup."""
    return Paragraph("".join(_drawn(char) for char in str(words)).replace("\n", "<br/>"), style)


@lru_cache(maxsize=4096)
def _drawn(char: str) -> str:
    """A character as markup: itself where the typeface has it, else in a viewer's own type, in simpler characters, or by
    its name in brackets. Nothing is left out."""
    there = pdfmetrics.getFont(FONT).face.charToGlyph
    if ord(char) in there or char.isspace():
        return escape(char)
    for script, font in EAST_ASIAN.items():
        if re.match(f"[{script}]", char):
            pdfmetrics.registerFont(UnicodeCIDFont(font))
            return f'<font name="{font}">{escape(char)}</font>'
    simpler = unicodedata.normalize("NFKC", char)
    if simpler != char and all(ord(one) in there for one in simpler):
        return escape(simpler)
    if unicodedata.category(char) in (
        "Cf",
        "Mn",
        "Me",
        "Cc",
    ):  # joiners and such, which show nothing of their own
        return ""
    return escape(f"[{unicodedata.name(char, f'U+{ord(char):04X}').lower()}]")


def _head(sheet: Sheet) -> list[Flowable]:
    observation = sheet.report.observation
    facts = [f"{observation.taught_on:%d %B %Y}".lstrip("0"), str(observation.teacher)]
    facts += [one for one in (observation.subject, observation.grade) if one]
    if sheet.minutes:
        facts.append(f"{sheet.minutes} minute{'s' * (sheet.minutes != 1)}")
    facts.append(f"{len(sheet.transcript)} lines")
    rows: list[Flowable] = [_text(observation.title, TITLE), _text(" · ".join(facts), LEDE)]
    if observation.goal_of_lesson:
        rows.append(_text(f"What students were to learn: {observation.goal_of_lesson}", LEDE))
    rows.append(
        _text(
            "One lesson says little about a teacher. Read this as a look at one hour, beside other lessons, and never "
            "as a score of anybody. It was written to the teacher: “you” is who taught this lesson.",
            KIND,
        )
    )
    if sheet.report.stale:
        rows.append(_text("The transcript was edited after it was scored.", SMALL))
    return rows


class _Drawing(Flowable):  # type: ignore[misc]
    """A drawing of a given height as wide as it may be."""

    def __init__(self, height: float, width: float = WIDTH) -> None:
        super().__init__()
        self.width, self.height = width, height

    def wrap(self, available: float, _height: float) -> tuple[float, float]:
        self.width = min(self.width, available)
        return self.width, self.height


class _Timeline(_Drawing):
    """Four lanes, the marks above them, minutes below."""

    LEFT, TOP, LANE = 42.0, 34.0, 13.0
    ROWS = {
        "highlight": 0,
        "missed": 10,
        "suggestion": 20,
    }  # apart, as a suggestion answers a missed opportunity

    def __init__(self, timeline: charts.Timeline) -> None:
        super().__init__(self.TOP + 4 * self.LANE + 14)
        self.timeline = timeline

    def draw(self) -> None:
        pen, span = self.canv, self.width - self.LEFT
        for number, (kind, title, bars) in enumerate(self.timeline.lanes):
            base = self.height - self.TOP - (number + 1) * self.LANE
            pen.setFillColor(SUNKEN)
            pen.rect(self.LEFT, base, span, self.LANE - 1.5, stroke=0, fill=1)
            pen.setFillColor(FAINT)
            pen.setFont(FONT, 7.5)
            pen.drawRightString(self.LEFT - 5, base + 3, title)
            pen.setFillColor(LANE_COLOURS[kind])
            for bar in bars:
                width = max(span * bar.width / 100, 0.3)
                pen.rect(self.LEFT + span * bar.x / 100, base, width, self.LANE - 1.5, stroke=0, fill=1)
        for tick in self.timeline.ticks:
            pen.setFillColor(FAINT)
            pen.setFont(FONT, 7)
            pen.drawCentredString(self.LEFT + span * tick.x / 100, 3, tick.label)
        for mark in self.timeline.marks:
            _mark(pen, self.LEFT + span * mark.x / 100, self.height - 6 - self.ROWS[mark.kind], mark.kind)


def _mark(pen: Any, x: float, y: float, kind: str) -> None:
    if kind == "suggestion":
        shape = pen.beginPath()
        shape.moveTo(x, y + 4)
        shape.lineTo(x + 4, y - 3)
        shape.lineTo(x - 4, y - 3)
        shape.close()
        pen.setFillColor(PEN)
        pen.drawPath(shape, stroke=0, fill=1)
        return
    pen.setFillColor(GOOD if kind == "highlight" else colors.white)
    pen.setStrokeColor(GOOD if kind == "highlight" else BAD)
    pen.setLineWidth(1.2)
    pen.circle(x, y, 3.2, stroke=1, fill=1)


class _Legend(_Drawing):
    """What the marks mean."""

    def __init__(self, timed: bool) -> None:
        super().__init__(13)
        self.timed = timed

    def draw(self) -> None:
        pen, x = self.canv, 4.0
        pen.setFont(FONT, 8)
        for kind, words in (
            ("highlight", "highlight"),
            ("missed", "missed opportunity"),
            ("suggestion", "suggestion"),
        ):
            _mark(pen, x, 5, kind)
            pen.setFillColor(SOFT)
            pen.drawString(x + 8, 2.5, words)
            x += 20 + pdfmetrics.stringWidth(words, FONT, 8)
        pen.drawString(
            x, 2.5, "minutes from the start" if self.timed else "words from the start: no times are known"
        )


def _table(rows: Sequence[Sequence[Any]], widths: Sequence[float], head: bool = True) -> Table:
    """A table that breaks between rows and says its head again."""
    lines = [
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
        ("LINEBELOW", (0, 0), (-1, -1), 0.4, LINE),
        ("LEFTPADDING", (0, 0), (-1, -1), 3),
        ("RIGHTPADDING", (0, 0), (-1, -1), 3),
        ("TOPPADDING", (0, 0), (-1, -1), 2.5),
        ("BOTTOMPADDING", (0, 0), (-1, -1), 2.5),
    ]
    return Table(
        rows, colWidths=list(widths), repeatRows=1 if head else 0, style=TableStyle(lines), hAlign="LEFT"
    )


def _timeline(sheet: Sheet) -> list[Flowable]:
    timeline = sheet.timeline
    if not timeline.lanes:
        return []
    head = [_text("The lesson at a glance", H2), _Timeline(timeline), _Legend(timeline.timed), Spacer(1, 4)]
    titles = ["Minutes" if timeline.timed else "Words", *charts.LANES.values(), "Begins at"]
    rows = [[_text(title, HEAD) for title in titles]]
    for one in timeline.table:
        shares = [_text(f"{100 * share:.0f} %", CELL) for share in one.shares.values()]
        rows.append([_text(one.label, CELL), *shares, _text(f"line {one.line}", CELL)])
    return [KeepTogether(head), _table(rows, [WIDTH / 6] * 6)]


def _quote(sheet: Sheet, line: int, quote: str, more: str = "") -> list[Flowable]:
    transcript = sheet.transcript
    speaker = transcript[line].speaker if 1 <= line <= len(transcript) else ""
    source = ", ".join(part for part in (speaker, clock_at(transcript, line), f"line {line}", more) if part)
    return [_text(f"“{quote}”", QUOTE), _text(source, SOURCE)]


def _said(sheet: Sheet, judged: Judged) -> list[Flowable]:
    """What people said to a statement; by part, never by name."""
    rows: list[Flowable] = []
    for one in judged.judgements:
        who = "the teacher" if one.person_id == sheet.report.observation.teacher_id else "a coach"
        value = ""
        if one.verdict == one.Verdict.CORRECTED:
            value = f": {one.value:g}" if isinstance(one.value, int | float) else f": “{one.value}”"
        note = f" ({one.note})" if one.note else ""
        rows.append(_text(f"{one.get_verdict_display().capitalize()} by {who}{value}{note}", SMALL))
    return rows


Block = list[Flowable]  # what stays on one page, where a page can hold it


def _finding(sheet: Sheet, one: Stated) -> Block:
    row = one.row
    assert isinstance(row, Finding)
    return [
        _text(one.title, H3),
        *_quote(sheet, row.line, row.quote),
        _text(row.why),
        *_said(sheet, one.judged),
    ]


def _section(title: str, blocks: Iterable[Block]) -> list[Flowable]:
    """A heading with what it stands over; it never stands alone at a page's foot."""
    first, *rest = list(blocks) or [[_text("Nothing to say here.", SMALL)]]
    return [KeepTogether([_text(title, H2), *first]), *(KeepTogether(block) for block in rest)]


def _findings(sheet: Sheet) -> list[Flowable]:
    found = _section(
        "What worked, in the teacher’s words", (_finding(sheet, one) for one in sheet.highlights)
    )
    if sheet.missed:
        found += _section("Moments that could have gone on", (_finding(sheet, one) for one in sheet.missed))
    return found


def _suggestions(sheet: Sheet) -> list[Flowable]:
    parts = []
    for one in sheet.suggestions:
        row = one.row
        assert isinstance(row, Suggestion)
        gate = row.gate or {}
        lines = ", ".join(f"line {line}" for line in gate.get("lines", []))
        done = gate.get("verdict") == "extend"
        why = f"You do this already, at {lines}." if done else gate.get("why", "")
        parts.append(
            [
                _text(one.title, H3),
                *_quote(sheet, row.line, row.quote),
                _text("What was missing", HEAD),
                _text(row.missing),
                _text("You could say", HEAD),
                _text(f"“{row.say}”", SAY),
                _text("What may come back", HEAD),
                _text(row.expect),
                _text(why, SMALL),
                *_said(sheet, one.judged),
            ]
        )
    return _section("To try next", parts)


def _goals(sheet: Sheet) -> list[Flowable]:
    if not sheet.goals:
        return []
    parts = []
    for one in sheet.goals:
        values = "; ".join(f"{point.day:%d %b %Y}: {figure(point.value)}" for point in one.points)
        follow = f"{one.shows.capitalize()}: {values}" if values else "No figure shows this yet."
        parts.append([_text(one.title, H3), _text(follow, SMALL)])
    return _section("Goals", parts)


class _Plot(_Drawing):
    """A measure in the teacher's own lessons, the last one filled."""

    def __init__(self, plot: charts.Plot) -> None:
        super().__init__(26, 120)
        self.plot = plot

    def draw(self) -> None:
        pen, scale = self.canv, self.height / self.plot.height

        def at(dot: charts.Dot) -> tuple[float, float]:
            return self.width * dot.x / 100, self.height - dot.y * scale

        if self.plot.median is not None:
            pen.setStrokeColor(FAINT)
            pen.setDash(2, 2)
            pen.setLineWidth(0.5)
            pen.line(
                0, self.height - self.plot.median * scale, self.width, self.height - self.plot.median * scale
            )
            pen.setDash()
        pen.setStrokeColor(WASH)
        pen.setLineWidth(0.8)
        for one, other in self.plot.joints:
            pen.line(*at(one), *at(other))
        pen.setStrokeColor(PEN)
        for dot in self.plot.dots:
            pen.setFillColor(PEN if dot.here else colors.white)
            pen.circle(*at(dot), 2.4 if dot.here else 1.8, stroke=1, fill=1)


def _figures(figures: Sequence[Figure], earlier: int) -> list[Flowable]:
    rows: list[list[Any]] = [
        [_text(title, HEAD) for title in ("Measure", "This lesson", "Own lessons", "Earlier lessons")]
    ]
    known: dict[str, list[str]] = {}  # accuracy in words -> the measures of which it is true
    for one in figures:
        unit = one.row.detail.get("unit", "")
        rows.append(
            [
                _text(one.title, CELL),
                _text(figure(one.row.value, unit), CELL),
                _Plot(one.plot) if one.plot else "",
                _text(_before(one, unit), SMALL),
            ]
        )
        accuracy = [
            f"{label}: {one.row.detail[key]}"
            for key, label in (("published", "Published"), ("measured", "Measured here"))
            if one.row.detail.get(key)
        ]
        if accuracy:
            known.setdefault(". ".join(part.rstrip(".") for part in accuracy), []).append(one.title)
    notes = [_text(f"{', '.join(titles)}. {words}.", SMALL) for words, titles in known.items()]
    words = f"Behind each figure are the teacher’s own earlier lessons ({earlier}), never another teacher’s."
    table = _table(rows, [WIDTH * share for share in (0.28, 0.16, 0.26, 0.30)])
    how_sure = [CondPageBreak(20 * mm), _text("How sure the figures are", H3), *notes] if notes else []
    head = [CondPageBreak(60 * mm), _text("The talk in figures", H2), _text(words, SMALL)]
    return [*head, table, *how_sure]


def _before(one: Figure, unit: str) -> str:
    if one.row.value is None:
        return str(one.row.detail.get("why", ""))
    before = one.before
    if not before.points:
        return "No earlier lesson."
    if before.quartiles is None:
        return "Before: " + " and ".join(figure(value, unit) for value in before.values)
    low, high = before.quartiles
    return f"{len(before.points)} lessons, median {figure(before.median, unit)}, middle half {span(low, high, unit)}"


class _Band(_Drawing):
    """A rating on its scale."""

    def __init__(self, band: charts.Band) -> None:
        super().__init__(10, 150)
        self.band = band

    def draw(self) -> None:
        pen = self.canv
        pen.setFillColor(SUNKEN)
        pen.roundRect(0, 4, self.width, 2, 1, stroke=0, fill=1)
        pen.setFillColor(WASH)
        x, width = self.width * self.band.x / 100, max(self.width * self.band.width / 100, 3)
        pen.roundRect(min(x, self.width - width), 2, width, 6, 3, stroke=0, fill=1)
        pen.setFillColor(PEN)
        pen.circle(self.width * self.band.dot / 100, 5, 3, stroke=0, fill=1)


def _instruments(sheet: Sheet) -> list[Flowable]:
    found: list[Flowable] = []
    for instrument, dimensions in sheet.instruments:
        blocks = [block for rated in dimensions for block in _dimension(sheet, rated)]
        if instrument.description and blocks:
            blocks[0].insert(0, _text(" ".join(instrument.description.split()), SMALL))
        found += _section(f"{instrument.title}, version {instrument.version}", blocks)
    return found


def _dimension(sheet: Sheet, rated: Rated) -> list[Block]:
    """The dimension's name and bands with the first quote, then each further quote, then what people said."""
    title = rated.dimension.title + (" (less is better)" if rated.dimension.inverse else "")
    head: Block = [_text(title, H3)]
    if not rated.observable:
        return [[*head, _text(f"Not observable in a transcript. {rated.reason}", SMALL)]]
    if rated.calibrated:
        rows = [
            [
                _text(one.when, CELL),
                _Band(one.band) if one.band else "",
                _text(_value(rated, one.row), CELL),
            ]
            for one in rated.stretches
        ]
        head += [_table(rows, [WIDTH * 0.2, WIDTH * 0.45, WIDTH * 0.35], head=False), Spacer(1, 4)]
    else:
        head.append(_text(f"No number. {rated.reason[:1].upper()}{rated.reason[1:]}", SMALL))
    quotes = [
        _quote(sheet, row.line, row.quote, "speaks against it" if row.weight < 0 else "")
        for row in rated.best
    ]
    first, *rest = quotes or [[_text("No line stands out for this dimension.", SMALL)]]
    said = [part for one in rated.stretches for part in _said(sheet, one.judged)]
    return [[*head, *first], *rest, *([said] if said else [])]


def _value(rated: Rated, row: Rating) -> str:
    if row.score is None or row.low is None or row.high is None:
        return "no number"
    return f"{row.score:.1f} ({row.low:.1f}–{row.high:.1f} of {rated.dimension.low}–{rated.dimension.high})"


def _behind(sheet: Sheet) -> list[Flowable]:
    words = [f"{key.capitalize()}: {value}" for key, value in sheet.behind]
    moves = sorted({one.row.move for one in (*sheet.highlights, *sheet.missed, *sheet.suggestions)})
    meanings = [f"{MOVES[name].title}: {MOVES[name].meaning}" for name in moves if name in MOVES]
    if not (words or meanings):
        return []
    return _section("What stood behind this report", [[_text(one, SMALL)] for one in (*meanings, *words)])
