"""Correcting a transcript: words, who says them, where a line begins and ends. Each change moves the lesson's revision."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from typing import Any

from django.db import transaction
from django.db.models import F, QuerySet

from coach.deidentification import names_of
from coach.models import Evidence, Finding, NameMap, Observation, Speaker, Suggestion, UtteranceRow
from coach.readers.said import tidy
from coach.speakers import GROUP, TEACHER, letters
from coach.talk import Voice
from courses.transcripts import retime
from tutor.jobs import State

FAR = 1_000_000  # line numbers that are moved go through numbers that no line has
LONGEST = 20_000  # characters of one line
MOST_SPEAKERS = 200
_CAPITAL = re.compile(r"\b[^\W\d_a-z]\w+")
_STANDARD = re.compile(r"(?:Student(?: [A-Z]{1,2})?|Teacher(?: \d+)?|Students|Speaker.*|SPEAKER.*)")


class CorrectionRefused(ValueError):
    """The transcript was not changed; the message says why and what to do."""


@contextmanager
def _editing(observation: Observation) -> Any:
    """A transaction that holds the lesson, and moves its revision."""
    with transaction.atomic():
        held = Observation.objects.select_for_update().filter(pk=observation.pk).first()
        if held is None or held.state != State.DONE or held.step == Observation.Step.COLUMNS:
            raise CorrectionRefused("This lesson is being read. Correct it when that is done.")
        yield
        Observation.objects.filter(pk=observation.pk).update(revision=F("revision") + 1)
    observation.refresh_from_db(fields=["revision"])


def _row(observation: Observation, pk: int) -> UtteranceRow:
    row = observation.utterances.select_related("speaker").filter(pk=pk).first()
    if row is None:
        raise CorrectionRefused("This line is not there any more. Reload the page.")
    return row


def _speaker(observation: Observation, pk: int) -> Speaker:
    speaker = observation.speakers.filter(pk=pk).first()
    if speaker is None:
        raise CorrectionRefused("This speaker is not there any more. Reload the page.")
    return speaker


def write(observation: Observation, line: int, text: str) -> UtteranceRow:
    """Give the line with this id other words; names that are known are replaced. Words that stay keep their times."""
    text = tidy(text)
    if not text:
        raise CorrectionRefused("A line needs words. To take it away, delete the line.")
    if len(text) > LONGEST:
        raise CorrectionRefused(f"A line has at most {LONGEST:,} characters. Split it.")
    names = names_of(observation)
    text = names.replace(text) if names else text
    with _editing(observation):
        row = _row(observation, line)
        if row.words:
            anchor = {"start_ms": row.start or 0, "end_ms": row.end or row.start or 0}
            row.words = retime(row.words, text, anchor)
        before, row.text = row.text, text
        row.save()
        _requote(observation, row.line, before, text)
    return row


def _requote(observation: Observation, line: int, before: str, text: str) -> None:
    """What a report quotes of a line that was written anew goes with the old words, which may have named somebody.

    The quote becomes the line as it is; in what the report says of the moment, names and such that went become “…”.
    """
    said = dict(observation.utterances.values_list("line", "text"))
    gone = {word for word in _CAPITAL.findall(before) if not re.search(rf"\b{re.escape(word)}\b", text)}
    pattern = re.compile(rf"\b(?:{'|'.join(map(re.escape, gone))})\b") if gone else None
    quoting: list[tuple[QuerySet[Any], tuple[str, ...]]] = [
        (Evidence.objects.filter(rating__report__observation=observation), ()),
        (Finding.objects.filter(report__observation=observation), ("why",)),
        (Suggestion.objects.filter(report__observation=observation), ("missing", "say", "expect")),
    ]
    for rows, words in quoting:
        for row in rows:
            if row.quote not in before or (row.line != line and row.quote in said.get(row.line, "")):
                continue  # another line's
            row.quote = row.quote if row.quote in text else text
            for name in words:
                setattr(row, name, pattern.sub("…", getattr(row, name)) if pattern else getattr(row, name))
            row.save(update_fields=["quote", *words])


def assign(observation: Observation, line: int, speaker: int) -> UtteranceRow:
    """Say who said a line."""
    with _editing(observation):
        row = _row(observation, line)
        row.speaker = _speaker(observation, speaker)
        row.save()
    return row


def split(observation: Observation, line: int, at: int) -> tuple[UtteranceRow, UtteranceRow]:
    """Two lines of one, cut before the character `at`; times are cut with it."""
    with _editing(observation):
        row = _row(observation, line)
        first, second = row.text[: max(at, 0)].rstrip(), row.text[max(at, 0) :].lstrip()
        if not first or not second:
            raise CorrectionRefused("Put the cursor between two words, where the second line is to begin.")
        count = len(first.split())
        cut = row.words[count][1] if len(row.words) > count else None
        if cut is None and row.start is not None and row.end is not None:
            cut = round(row.start + (row.end - row.start) * len(first) / len(row.text))
        _move(observation, row.line, 1)
        new = UtteranceRow.objects.create(
            observation=observation,
            line=row.line + 1,
            speaker=row.speaker,
            text=second,
            start=cut,
            end=row.end,
            words=row.words[count:],
        )
        row.text, row.words = first, row.words[:count]
        if cut is not None:
            row.end = row.words[-1][2] if row.words else cut
        row.save()
    return row, new


def join(observation: Observation, line: int) -> UtteranceRow:
    """One line of this and the next, said by who said this one."""
    with _editing(observation):
        row = _row(observation, line)
        following = observation.utterances.filter(line=row.line + 1).first()
        if following is None:
            raise CorrectionRefused("This is the last line; there is none to join it with.")
        row.text = f"{row.text} {following.text}"
        row.words = [*row.words, *following.words] if row.words and following.words else []
        row.end = following.end if following.end is not None else row.end
        following.delete()
        row.save()
        _move(observation, row.line, -1)
    return row


def drop(observation: Observation, line: int) -> None:
    """Take a line away."""
    with _editing(observation):
        row = _row(observation, line)
        if observation.utterances.count() == 1:
            raise CorrectionRefused("The last line cannot go. Delete the lesson instead.")
        row.delete()
        _move(observation, row.line, -1)


def _move(observation: Observation, after: int, step: int) -> None:
    """Renumber the lines after one; numbers are unique at every moment, so in two steps."""
    observation.utterances.filter(line__gt=after).update(line=F("line") + FAR)
    observation.utterances.filter(line__gt=FAR).update(line=F("line") - FAR + step)


def add_speaker(observation: Observation, label: str, voice: str) -> Speaker:
    """One more speaker, to be given lines."""
    with _editing(observation):
        if observation.speakers.count() >= MOST_SPEAKERS:
            raise CorrectionRefused(f"A lesson has at most {MOST_SPEAKERS} speakers. Merge some.")
        voice = _voice(voice)
        label = _label(observation, label) if tidy(label) else _free(observation, Voice(voice))
        return Speaker.objects.create(observation=observation, label=label, voice=voice, confirmed=True)


def rename(observation: Observation, speaker: int, label: str) -> Speaker:
    """Call a speaker otherwise, also where others speak of them."""
    with _editing(observation):
        row = _speaker(observation, speaker)
        label = _label(observation, label, but=row)
        _relabel(observation, {row.label: label})
        row.refresh_from_db()
    return row


def set_voice(observation: Observation, speaker: int, voice: str) -> Speaker:
    """Say whether a speaker is the teacher, a student, a group or somebody else; a label that says otherwise follows."""
    set_voices(observation, {speaker: voice})
    return _speaker(observation, speaker)


def set_voices(observation: Observation, voices: Mapping[int, str]) -> None:
    """Say it of several speakers at once."""
    rows = {row.pk: row for row in observation.speakers.all()}
    changed = {
        rows[pk]: Voice(_voice(voice))
        for pk, voice in voices.items()
        if pk in rows and rows[pk].voice != voice
    }
    if not changed:
        return
    with _editing(observation):
        for row, voice in changed.items():
            row.voice = voice.value
            row.save(update_fields=["voice"])
        new: dict[str, str] = {}
        taken = {
            row.label for row in rows.values() if row not in changed or not _STANDARD.fullmatch(row.label)
        }
        for row in rows.values():
            if row in changed and _STANDARD.fullmatch(row.label):
                new[row.label] = _free(observation, Voice(row.voice), taken)
                taken.add(new[row.label])
        _relabel(observation, new)


def merge(observation: Observation, speaker: int, into: int) -> Speaker:
    """Two speakers were one person: the lines of the first become the second's, and its label too."""
    if speaker == into:
        raise CorrectionRefused("Choose two different speakers.")
    with _editing(observation):
        gone, stays = _speaker(observation, speaker), _speaker(observation, into)
        gone.utterances.update(speaker=stays)
        label = gone.label
        gone.delete()
        if stays.voice != Voice.GROUP:
            _rewrite(observation, {label: stays.label})
    return stays


def remove_speaker(observation: Observation, speaker: int) -> None:
    """Take away a speaker who says nothing."""
    with _editing(observation):
        row = _speaker(observation, speaker)
        if row.utterances.exists():
            raise CorrectionRefused("This speaker has lines. Merge them into another speaker instead.")
        row.delete()


def _voice(voice: str) -> str:
    if voice not in {kind.value for kind in Voice}:
        raise CorrectionRefused(
            "Choose who this is: the teacher, a student, several students, or somebody else."
        )
    return voice


def _label(observation: Observation, label: str, but: Speaker | None = None) -> str:
    label = tidy(label)[:60]
    if not label:
        raise CorrectionRefused("A speaker needs a name that is nobody's, such as “Student B”.")
    names = names_of(observation)
    if names and names.replace(f"Hear {label}.") != f"Hear {label}.":
        raise CorrectionRefused(
            "That is the name of somebody in the class. Use one that is nobody's, such as “Student B”."
        )
    others = observation.speakers.exclude(pk=but.pk) if but else observation.speakers.all()
    if any(other.label.lower() == label.lower() for other in others):
        raise CorrectionRefused(f"There is a speaker “{label}” already. To make them one, merge them.")
    return label


def _free(observation: Observation, voice: Voice, taken: set[str] | None = None) -> str:
    """A label of its kind that nobody has, also nobody of the class who said nothing."""
    taken = set(observation.speakers.values_list("label", flat=True)) if taken is None else set(taken)
    names = names_of(observation)
    held = (
        set(names.labels.values()) - set(observation.speakers.values_list("label", flat=True))
        if names
        else set()
    )
    number = 0
    while True:
        if voice == Voice.TEACHER:
            label = f"{TEACHER} {number + 1}" if number else TEACHER
        elif voice == Voice.STUDENT:
            label = f"Student {letters(number)}"
        else:
            first = GROUP if voice == Voice.GROUP else "Other"
            label = f"{first} {number + 1}" if number else first
        number += 1
        if label not in taken and (label not in held or voice in (Voice.TEACHER, Voice.GROUP)):
            return label


def _relabel(observation: Observation, new: Mapping[str, str]) -> None:
    """Give speakers other labels, all at once (two may change places), and rewrite what is said of them."""
    new = {old: label for old, label in new.items() if old != label}
    rows = list(observation.speakers.filter(label__in=list(new)))
    for number, row in enumerate(rows):
        Speaker.objects.filter(pk=row.pk).update(label=f"\x1f{number}")
    for row in rows:
        Speaker.objects.filter(pk=row.pk).update(label=new[row.label])
    _rewrite(observation, new)


def _rewrite(observation: Observation, new: Mapping[str, str]) -> None:
    """Put other labels for the old ones in the lines, in their timed words, and behind the names."""
    if not new:
        return
    longest = sorted(new, key=len, reverse=True)
    pattern = re.compile(r"(?<!\w)(" + "|".join(map(re.escape, longest)) + r")(?!\w| [A-Z0-9]{1,2}\b)")

    def renamed(text: str) -> str:
        return pattern.sub(lambda match: new[match[1]], text)

    changed = []
    for row in observation.utterances.all():
        if (text := renamed(row.text)) != row.text:
            row.text = text
            row.words = [[renamed(word), start, end] for word, start, end in row.words]
            changed.append(row)
    UtteranceRow.objects.bulk_update(changed, ["text", "words"], batch_size=500)
    held = NameMap.objects.filter(observation=observation).first()
    known = held.known() if held is not None else None
    if held is not None and known is not None:
        held.names = {name: new.get(label, label) for name, label in known.items()}
        held.save()


ACTS: dict[str, Callable[..., Any]] = {
    "write": write,
    "assign": assign,
    "split": split,
    "join": join,
    "drop": drop,
    "add_speaker": add_speaker,
    "rename": rename,
    "set_voice": set_voice,
    "merge": merge,
    "remove_speaker": remove_speaker,
}
