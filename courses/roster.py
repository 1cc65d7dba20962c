"""Class lists from a spreadsheet: what an import would change, and the import itself."""

from __future__ import annotations

import csv
import io
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from courses.models import Course, Enrolment, Invitation, Role
from tutor.accounts.models import User

MAX_BYTES = 5_000_000
MAX_ROWS = 20_000
HEADERS = {
    "email": {
        "email",
        "e-mail",
        "mail",
        "email address",
        "e-mail address",
        "emailaddress",
        "sis email",
        "login",
        "user email",
    },
    "name": {"name", "full name", "student", "student name", "display name", "fullname"},
    "first": {"first name", "firstname", "given name", "forename", "first"},
    "last": {"last name", "lastname", "surname", "family name", "last"},
    "role": {"role", "course role", "type"},
}
ROLES = {
    Role.STUDENT: {"", "student", "learner", "pupil", "participant"},
    Role.STAFF: {"staff", "ta", "teaching assistant", "assistant", "tutor", "grader"},
    Role.INSTRUCTOR: {"instructor", "teacher", "lecturer", "professor", "prof", "lead"},
}


class UnreadableRoster(Exception):
    """The file is no roster. The message tells the person what to change."""


@dataclass(frozen=True)
class Entry:
    """One line of a roster and what the import does with it."""

    line: int
    email: str
    name: str = ""
    role: str = Role.STUDENT
    action: Literal["add", "invite", "change", "same", "error"] = "same"
    detail: str = ""


@dataclass
class Plan:
    """What an import does, line by line. `without` counts the course's people whom the roster does not name."""

    entries: list[Entry] = field(default_factory=list)
    without: int = 0

    def of(self, *actions: str) -> list[Entry]:
        """The entries with one of these actions."""
        return [entry for entry in self.entries if entry.action in actions]

    @property
    def added(self) -> list[Entry]:
        return self.of("add", "invite")

    @property
    def changed(self) -> list[Entry]:
        return self.of("change")

    @property
    def same(self) -> list[Entry]:
        return self.of("same")

    @property
    def errors(self) -> list[Entry]:
        return self.of("error")


def decode(raw: bytes) -> str:
    """The roster's text. UTF-8 and UTF-16 (spreadsheets' "Unicode text") are recognised, else Windows-1252."""
    if len(raw) > MAX_BYTES:
        raise UnreadableRoster("The roster is larger than 5 MB. Save only the class list, as CSV.")
    if raw[:4] == b"PK\x03\x04" or raw[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        raise UnreadableRoster(
            "This is a spreadsheet file. In the spreadsheet choose “Save as” and CSV, then upload that."
        )
    encodings = ["utf-16"] if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = raw.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" not in text:
            return text
    raise UnreadableRoster("The roster is not text. Save it as CSV (UTF-8) and upload that.")


def rows(text: str) -> Iterator[tuple[int, list[str]]]:
    """(line number, cells) of the roster; comma, semicolon and tab are recognised by the header line."""
    head = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(",;\t", key=head.count)
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, strict=True)
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                yield reader.line_num, [clean(cell) for cell in cells]
    except csv.Error as error:
        raise UnreadableRoster(
            f"Line {reader.line_num} is not valid CSV ({error}). Correct it and try again."
        ) from None


def clean(cell: str) -> str:
    """A cell without control characters, and without the marks that would make a spreadsheet run it as a formula."""
    cell = "".join(
        " " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in cell if char != "\x00"
    )
    return unicodedata.normalize("NFC", " ".join(cell.split())).lstrip("=+-@'\"").strip()


def columns(header: list[str]) -> dict[str, int]:
    """Where the known columns are, by what they are called."""
    found: dict[str, int] = {}
    for number, cell in enumerate(header):
        for name, synonyms in HEADERS.items():
            if cell.lower().strip(" :*") in synonyms:
                found.setdefault(name, number)
    return found


def role_of(word: str) -> str | None:
    """The role a cell names; None for one that is not known."""
    return next((role for role, words in ROLES.items() if word.lower() in words), None)


def plan(course: Course, raw: bytes) -> Plan:
    """What importing the roster would do. Nothing is written. Raises UnreadableRoster."""
    lines = rows(decode(raw))
    first = next(lines, None)
    if first is None:
        raise UnreadableRoster("The roster is empty. It needs a column with e-mail addresses.")
    where = columns(first[1])
    if "email" not in where:
        address = next((number for number, cell in enumerate(first[1]) if "@" in cell), None)
        if address is None:
            raise UnreadableRoster(
                "No column is called “email”. Name the columns in the first line: email, name, role."
            )
        where, pending = {"email": address, **({"name": 1 - address} if len(first[1]) == 2 else {})}, [first]
    else:
        pending = []
    made = Plan()
    seen: dict[str, int] = {}
    for line, cells in [*pending, *lines]:
        if len(made.entries) >= MAX_ROWS:
            raise UnreadableRoster(f"The roster has more than {MAX_ROWS} lines. Import it in parts.")
        made.entries.append(read_entry(line, cells, where, seen))
    return compare(course, made)


def read_entry(line: int, cells: list[str], where: dict[str, int], seen: dict[str, int]) -> Entry:
    """One line as an entry: an error in words, or provisionally "add"."""

    def cell(name: str) -> str:
        return cells[where[name]] if name in where and where[name] < len(cells) else ""

    email = cell("email").lower()
    name = (cell("name") or f"{cell('first')} {cell('last')}".strip())[:150]
    role = role_of(cell("role"))
    if not email:
        return Entry(line, "", name, action="error", detail="There is no e-mail address.")
    try:
        validate_email(email)
    except ValidationError:
        return Entry(line, email, name, action="error", detail=f"“{email[:80]}” is not an e-mail address.")
    if role is None:
        return Entry(
            line,
            email,
            name,
            action="error",
            detail=f"“{cell('role')[:40]}” is no role. Use student, staff or instructor.",
        )
    if email in seen:
        return Entry(
            line, email, name, action="error", detail=f"The same address stands in line {seen[email]}."
        )
    seen[email] = line
    return Entry(line, email, name, role, "add")


def compare(course: Course, made: Plan) -> Plan:
    """Say for each entry what it would change in the course as it is now."""
    emails = [entry.email for entry in made.of("add")]
    enrolled = {row.user.email: row for row in course.enrolments.select_related("user")}
    known = (
        set(User.objects.filter(email__in=emails).values_list("email", flat=True))
        if len(emails) < 500
        else set(User.objects.values_list("email", flat=True))
    )
    invited = {row.email: row for row in course.invitations.usable().exclude(email="")}
    leading = {email for email, row in enrolled.items() if row.role == Role.INSTRUCTOR}
    after = leading.copy()

    def judged(entry: Entry) -> Entry:
        if entry.action != "add":
            return entry
        place = enrolled.get(entry.email)
        if place is not None and place.role == entry.role:
            return _as(entry, "same", "Enrolled already.")
        if place is not None:
            if entry.email in after and len(after) == 1:
                return _as(
                    entry, "error", "This is the last instructor. Make somebody else instructor first."
                )
            after.discard(entry.email)
            return _as(entry, "change", f"From {place.role} to {entry.role}.")
        if entry.email in known:
            return _as(entry, "add", "Has an account; will be enrolled.")
        invitation = invited.get(entry.email)
        if invitation is not None and invitation.role == entry.role:
            return _as(entry, "same", "Invited already.")
        if invitation is not None:
            return _as(entry, "change", f"Invited as {invitation.role}; now as {entry.role}.")
        return _as(entry, "invite", "Has no account yet; gets a personal link.")

    made.entries = [judged(entry) for entry in made.entries]
    made.without = len(set(enrolled) - set(emails))
    return made


def _as(entry: Entry, action: Literal["add", "invite", "change", "same", "error"], detail: str) -> Entry:
    return Entry(entry.line, entry.email, entry.name, entry.role, action, detail)


def carry_out(course: Course, made: Plan, by: User | None) -> Plan:
    """Do what the plan says, judged afresh against the course as it is now. Lines with errors are left out."""
    with transaction.atomic():
        Course.objects.select_for_update().get(pk=course.pk)
        made.entries = [_as(entry, "add", "") if entry.action != "error" else entry for entry in made.entries]
        compare(course, made)
        for entry in made.of("add", "change", "invite"):
            user = User.objects.filter(email=entry.email).first()
            if user is not None:
                Enrolment.objects.update_or_create(course=course, user=user, defaults={"role": entry.role})
                if entry.name and not user.name:
                    User.objects.filter(pk=user.pk).update(name=entry.name)
                continue
            Invitation.objects.usable().filter(course=course, email=entry.email).delete()
            Invitation.objects.create(
                course=course, email=entry.email, name=entry.name, role=entry.role, max_uses=1, created_by=by
            )
    return made
