"""Bringing a lesson: the file in, read by a job, its names out before anything of it is stored."""

from __future__ import annotations

import logging
import re
import tempfile
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.files.base import File
from django.core.files.storage import Storage
from django.db import transaction
from django.template.defaultfilters import filesizeformat
from django.utils import timezone

from coach import readers
from coach.deidentification import Deidentified, Names, deidentified, roster_names
from coach.models import NameMap, Observation, Speaker, UtteranceRow
from coach.readers.said import UnreadableTranscript
from coach.talk import Voice
from courses.ingestion import local_copy
from courses.uploads import NO_ROOM
from tutor.accounts.models import User
from tutor.jobs import State
from tutor.llm.catalog import ModelMissing

logger = logging.getLogger(__name__)

READ_SHARE = 0.9  # of the whole job; the rest is taking the names out and storing
MOST_NAMES = 400
FORGOTTEN = timedelta(days=7)  # an upload whose columns nobody named by then is deleted
NOTHING_KEPT = "Nothing of the file was kept."
LOST_NAMES = (
    "The names of the class cannot be read any more, because the site’s SECRET_KEY has changed, and without them they cannot "
    "be taken out. Delete this lesson and bring it anew."
)


class BringingRefused(ValueError):
    """The lesson was not taken; the message says why and what to do."""


class Gone(Exception):
    """The lesson was deleted, or another worker has it: leave quietly."""


@dataclass(frozen=True)
class Fields:
    """What the person says about the lesson they bring. consent: they declared that everybody concerned agreed."""

    title: str = ""
    taught_on: date = field(default_factory=timezone.localdate)
    subject: str = ""
    grade: str = ""
    goal_of_lesson: str = ""
    purpose: str = Observation.Purpose.GROWTH.value
    consent: bool = False
    roster: Sequence[str] = ()
    keep_recording: bool = False


def bring(user: User, teacher: User, upload: File[Any], fields: Fields) -> Observation:
    """Take a lesson in and queue its reading; a table first waits for a person to name its columns.

    The file's own name is not kept, and the names of the roster go out of the title and its neighbours at once. Raises
    BringingRefused or UnreadableTranscript, and then leaves nothing behind.
    """
    if not fields.consent:
        raise BringingRefused("Say first that everybody who can be heard, or their parents, agreed to it.")
    kind = _kind(upload)
    roster = roster_names(fields.roster)
    if len(roster) > MOST_NAMES:
        raise BringingRefused(f"The roster has {len(roster):,} names; one class has at most {MOST_NAMES}.")
    names = Names({**dict.fromkeys(roster, "a student"), **dict.fromkeys(_names_of(teacher), "the teacher")})
    title = names.replace(fields.title.strip())[:200]
    observation = Observation(
        teacher=teacher,
        brought_by=user,
        title=title[:1].upper() + title[1:] or f"Lesson of {fields.taught_on:%d %b %Y}",
        taught_on=fields.taught_on,
        subject=names.replace(fields.subject)[:100],
        grade=names.replace(fields.grade)[:60],
        goal_of_lesson=names.replace(fields.goal_of_lesson)[:300],
        purpose=fields.purpose,
        consent_at=timezone.now(),
        keep_recording=fields.keep_recording and kind == "media",
    )
    with transaction.atomic():
        observation.save()
        NameMap(observation=observation, **_secret(dict.fromkeys(roster, ""))).save()
    try:
        _take(observation, upload, kind)
    except BaseException:
        remove(observation)
        raise
    return observation


def bring_again(observation: Observation, upload: File[Any]) -> None:
    """Take another file for a lesson whose first one could not be read. Raises as `bring` does; then nothing has changed."""
    if observation.state != State.FAILED:
        raise BringingRefused("This lesson has been read. To replace it, delete it and bring it anew.")
    kind = _kind(upload)
    _delete_file(observation)
    _take(observation, upload, kind)


def _kind(upload: File[Any]) -> str:
    """The kind of an upload. Raises BringingRefused or UnreadableTranscript."""
    if getattr(upload, "too_big", False):
        limit = filesizeformat(settings.UPLOAD_MAX_BYTES)
        raise BringingRefused(f"The file is larger than {limit}. Cut the recording, or bring only its sound.")
    if getattr(upload, "broken", False):
        raise BringingRefused(NO_ROOM.format("The file"))
    if not upload.size:
        raise BringingRefused("The file is empty. Check that it was saved, then bring it again.")
    name = upload.name or "transcript.txt"
    if hasattr(upload, "temporary_file_path"):
        return readers.kind_of(Path(upload.temporary_file_path()), name)
    with tempfile.NamedTemporaryFile() as copy:
        for piece in upload.chunks():
            copy.write(piece)
        copy.flush()
        upload.seek(0)
        return readers.kind_of(Path(copy.name), name)


def _take(observation: Observation, upload: File[Any], kind: str) -> None:
    """Store the file under a name that says nothing, and queue its reading or wait for its columns."""
    ending = Path(upload.name or "").suffix.lower()
    ending = ending if re.fullmatch(r"\.[a-z0-9]{1,8}", ending) and kind == "media" else f".{kind}"
    try:
        observation.file.save(f"original{ending}", upload, save=False)
    except OSError as error:
        logger.error("A lesson's file could not be stored: %s", type(error).__name__)
        _delete_file(observation)
        raise BringingRefused(NO_ROOM.format("The file")) from None
    observation.kind = kind
    table = kind in readers.TABLES
    observation.step = Observation.Step.COLUMNS if table else Observation.Step.SPEAKERS
    observation.columns, observation.notes = {}, []
    observation.attempts = 0
    with transaction.atomic():
        observation.save()
        if table:
            observation.finish()  # there is nothing to do until a person has named the columns
        else:
            observation.queue()


def head(observation: Observation, columns: dict[str, str] | None = None) -> dict[str, Any]:
    """The first rows of a table that waits for its columns, read from the file: nothing of them is stored.

    Raises UnreadableTranscript; then the lesson has failed and the file is gone.
    """
    try:
        with local_copy(observation.file) as path:
            return readers.head(path, observation.kind, columns)
    except (UnreadableTranscript, FileNotFoundError, ValueError) as error:
        message = str(error) if isinstance(error, UnreadableTranscript) else "The file is not there any more."
        _fail(observation, message)
        raise UnreadableTranscript(message) from None


def name_columns(observation: Observation, columns: Mapping[str, str]) -> None:
    """Read the table by the columns a person confirmed. Raises UnreadableTranscript where they cannot be right."""
    from coach.readers.table import Table, checked

    shown = head(observation)
    chosen = checked(Table(shown["names"], []), dict(columns))
    with transaction.atomic():
        taken = Observation.objects.filter(pk=observation.pk, step=Observation.Step.COLUMNS).update(
            columns=chosen, step=Observation.Step.SPEAKERS, attempts=0
        )
        if taken:
            observation.refresh_from_db()
            observation.queue()


def work(observation: Observation) -> None:
    """Read what was brought, take the names out and store the transcript. The outcome is on the row; raises nothing.

    Whatever happens, the file goes, except a recording that was to be kept.
    """
    if observation.claim():
        work_claimed(observation)


def work_claimed(observation: Observation) -> None:
    """`work` for a job that this process has claimed already."""
    try:
        with observation.heartbeat():
            _read(observation)
    except Gone:
        pass
    except (UnreadableTranscript, ModelMissing) as error:
        _fail(observation, f"{error} {NOTHING_KEPT}", _mine(observation))
    except FileNotFoundError:
        _fail(observation, "The file is missing. Bring it again.", _mine(observation))
    except Exception as error:  # noqa: BLE001 - and its message may quote the lesson, so it does not reach the log
        frames = "".join(traceback.format_tb(error.__traceback__))
        logger.error("Reading observation %s failed: %s\n%s", observation.pk, type(error).__name__, frames)
        _fail(
            observation,
            "Something went wrong while this lesson was read; the worker's log has the details. Bring it again, and if that "
            f"fails too, as plain text with “Speaker: text” on each line. {NOTHING_KEPT}",
            _mine(observation),
        )


def _read(observation: Observation) -> None:
    recording = observation.kind == "media"
    stage = "transcribe" if recording else "read"
    last = 0.0
    observation.advance(stage, 0.0)

    def progress(done: float) -> None:
        nonlocal last
        if done - last >= 0.01:
            last = done
            _hold(observation)
            observation.advance(stage, done * READ_SHARE)

    with local_copy(observation.file) as path:
        reading = readers.read(path, observation.columns or None, kind=observation.kind, progress=progress)
    observation.advance("names", READ_SHARE)
    roster = observation.name_map.known() if hasattr(observation, "name_map") else {}
    if roster is None:
        raise UnreadableTranscript(LOST_NAMES)
    result = deidentified(reading.said, list(roster), _names_of(observation.teacher))
    _store(observation, result, [*reading.notes, *result.notes])
    if not observation.keep_recording:
        _delete_file(observation)


def _names_of(teacher: User) -> list[str]:
    return [teacher.name] if teacher.name.strip() else []


def _mine(observation: Observation) -> Any:
    return Observation.objects.filter(pk=observation.pk, state=State.RUNNING, attempts=observation.attempts)


def _hold(observation: Observation) -> None:
    if not _mine(observation).exists():
        raise Gone


def _store(observation: Observation, result: Deidentified, notes: list[str]) -> None:
    """Write the transcript in one transaction. A second attempt replaces what a first one wrote."""
    names = Names(result.labels, lower=result.lower)
    utterances = result.transcript.utterances
    with transaction.atomic():
        if not _mine(observation).select_for_update().exists():
            raise Gone
        observation.utterances.all().delete()
        observation.speakers.all().delete()
        voices = {u.speaker: u.voice for u in reversed(utterances)}
        for label in dict.fromkeys(u.speaker for u in utterances):
            Speaker.objects.create(observation=observation, label=label, voice=voices[label].value)
        speakers = {speaker.label: speaker for speaker in observation.speakers.all()}
        UtteranceRow.objects.bulk_create(
            [
                UtteranceRow(
                    observation=observation,
                    line=u.line,
                    speaker=speakers[u.speaker],
                    text=u.text,
                    start=u.start,
                    end=u.end,
                    words=[[word.text, word.start, word.end] for word in u.words],
                )
                for u in utterances
            ],
            batch_size=500,
        )
        NameMap.objects.filter(observation=observation).delete()
        NameMap(observation=observation, **_secret(result.labels)).save()
        observation.notes = notes
        observation.columns = {}
        observation.step = Observation.Step.SPEAKERS
        for name, most in (("title", 200), ("subject", 100), ("grade", 60), ("goal_of_lesson", 300)):
            setattr(observation, name, names.replace(getattr(observation, name))[:most])
        observation.revision += 1
        observation.save()
        observation.finish()


def _secret(mapping: dict[str, str]) -> dict[str, Any]:
    held = NameMap()
    held.names = mapping
    return {"secret": held.secret}


def _fail(observation: Observation, message: str, ours: Any = None) -> None:
    """Nothing half-stored: no lines, no speakers, no file; what the person said about the lesson stays for another try.

    ours: the row as long as this worker has it.
    """
    ours = Observation.objects.filter(pk=observation.pk) if ours is None else ours
    roster = (observation.name_map.known() if hasattr(observation, "name_map") else None) or {}
    message = Names(dict.fromkeys(roster, "a student")).replace(message)
    with transaction.atomic():
        if not ours.select_for_update().exists():
            return
        observation.utterances.all().delete()
        observation.speakers.all().delete()
        observation.fail(message)
        _delete_file(observation)
    Observation.objects.filter(pk=observation.pk).update(columns={}, step=Observation.Step.SPEAKERS)


def _delete_file(observation: Observation) -> None:
    """The file and its empty folder, from the disk and from the row."""
    if observation.file.name:
        delete_file(observation.file.storage, observation.file.name)
    observation.file.name = ""
    Observation.objects.filter(pk=observation.pk).update(file="")


def delete_file(storage: Storage, name: str) -> None:
    """Delete a file and its folder, which held nothing else."""
    storage.delete(name)
    try:
        Path(storage.path(name)).parent.rmdir()
    except (OSError, NotImplementedError):
        pass


def remove(observation: Observation) -> None:
    """Delete a lesson with its transcript, names, report, and file."""
    _delete_file(observation)
    Observation.objects.filter(pk=observation.pk).delete()


def forget_names(observation: Observation) -> None:
    """Delete who is behind the labels, for good. Raises BringingRefused before they have been taken out with it."""
    if observation.state != State.DONE or observation.step == Observation.Step.COLUMNS:
        raise BringingRefused(
            "The names are needed to take them out of the transcript, which has not been read yet. If you do not want them "
            "here, delete the lesson."
        )
    NameMap.objects.filter(observation=observation).delete()


def forget_files() -> int:
    """Delete files that no reading will delete any more: of failed lessons, and of tables whose columns nobody named."""
    old = timezone.now() - FORGOTTEN
    waiting = Observation.objects.filter(step=Observation.Step.COLUMNS, created__lt=old)
    failed = Observation.objects.filter(state=State.FAILED)
    count = 0
    for observation in (waiting | failed).exclude(file=""):
        _fail(
            observation,
            observation.error or f"The columns of this table were not named for a week. {NOTHING_KEPT}",
        )
        count += 1
    return count


def confirm_speakers(observation: Observation, voices: Mapping[int, str]) -> None:
    """Take a person's word on who is who (speaker's id -> voice); then the lesson can be scored.

    Labels follow the voices, in the lines and in what is known of the names. Raises BringingRefused before the lesson
    was read or for voices that do not exist.
    """
    from coach.correcting import set_voices

    if observation.state != State.DONE or observation.step == Observation.Step.COLUMNS:
        raise BringingRefused(
            "The lesson is still being read. Wait until it is done, then check its speakers."
        )
    if not set(voices.values()) <= {voice.value for voice in Voice}:
        raise BringingRefused(
            "Choose who each speaker is: the teacher, a student, several students, or somebody else."
        )
    with transaction.atomic():
        set_voices(observation, voices)
        observation.speakers.update(confirmed=True)
        Observation.objects.filter(pk=observation.pk).update(step=Observation.Step.READY)
    observation.refresh_from_db()
