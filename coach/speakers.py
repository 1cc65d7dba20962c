"""Who is who in a transcript: which speakers are the same person, who teaches, and the labels that stand for them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from coach import name_words as lists
from coach.deidentification import fold, nicknames, parts, roster_names
from coach.readers.plain import ROLE
from coach.readers.said import Said, tidy
from coach.talk import Voice

TEACHER, GROUP = "Teacher", "Students"
_TEACHER = re.compile(
    r"(?:the )?(?:teacher|instructor|educator|tutor|lecturer|tch|prof|professor|t)s?(?: voice| speaker)?[ _#-]*(\d{0,2}|[a-z]?)",
    re.IGNORECASE,
)
_GROUP = re.compile(
    r"(?:(?:the )?(?:whole )?(?:class|group)|all|all students|everyone|everybody|choral|chorus|students|pupils|kids|children|"
    r"ss|sts|sn|multiple|(?:multiple|several|many|some|various) (?:students|speakers|voices|pupils)|sx)[ _#-]*\d{0,2}",
    re.IGNORECASE,
)
_STUDENT = re.compile(
    r"(?:(?:fe)?male )?(?:student|pupil|learner|child|kid|boy|girl|stu|st|s)(?: speaker)?(?:[ _#-]*([\w]{1,3}))?",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?:unknown|unidentified|inaudible|other|video|narrator|announcement|intercom|observer|researcher|interviewer|aide|visitor|"
    r"assistant|ta|coach|parent|adult)s?(?: speaker)?[ _#-]*\d{0,3}",
    re.IGNORECASE,
)
_ANYBODY = re.compile(r"(?:speaker|participant|voice|spk|person)?[ _#-]*(?:\d{1,3}|[a-z])", re.IGNORECASE)
_ROLE_WORD = re.compile(r"\b(teacher|instructor|student|pupil|tutor|professor)\b", re.IGNORECASE)
_TITLED = re.compile(r"\b(?:m(?:s|rs|r|x)|dr|prof)\.?\s+([^\W\d_][\w'’-]+)", re.IGNORECASE)
_MISS = re.compile(r"\b(?:Miss|Professor|Madame|Señora?|Principal)\s+([A-Z][\w'’-]+)")


@dataclass
class Member:
    """One speaker, or one person of the roster who says nothing. names: as they were written."""

    voice: Voice | None
    label: str = ""
    names: list[str] = field(default_factory=list)
    words: int = 0
    questions: int = 0
    sure: bool = False  # the source says which voice it is


@dataclass
class Cast:
    """A transcript's speakers and the people of its roster. labels: name -> label."""

    members: dict[str, Member]  # speaker as the source writes it, in lower case
    labels: dict[str, str]
    notes: list[str] = field(default_factory=list)

    def of(self, speaker: str) -> Member:
        """Who a speaker of the source is."""
        return self.members[speaker.lower()]


def letters(number: int) -> str:
    """0 is A, 25 is Z, 26 is AA."""
    name = ""
    number += 1
    while number:
        number, digit = divmod(number - 1, 26)
        name = chr(65 + digit) + name
    return name


def cast_of(said: Sequence[Said], roster: Sequence[str], teachers: Sequence[str] = ()) -> Cast:
    """The speakers with voices and labels, people of the roster among them found again. Raises nothing."""
    people = [Member(_titled_voice(name), names=[name]) for name in roster_names(roster)]
    for name in roster_names(teachers):
        found = _matching(name, people)
        if found is None:
            people.append(Member(Voice.TEACHER, names=[name], sure=True))
        else:
            found.voice, found.sure = Voice.TEACHER, True
            found.names.append(name)
    known = {part for person in people for name in person.names for part in (*parts(name), *nicknames(name))}
    members: dict[str, Member] = {}
    for speaker in dict.fromkeys(row.speaker.lower() for row in said):
        written = next(row.speaker for row in said if row.speaker.lower() == speaker)
        members[speaker] = _member(written, people, members, known)
    for row in said:
        member = members[row.speaker.lower()]
        member.words += len(row.text.split())
        member.questions += row.text.count("?")
    speaking = list({id(member): member for member in members.values()}.values())
    notes = _voices(speaking)
    _one_teacher(speaking, people)
    everybody = speaking + [person for person in people if not any(person is other for other in speaking)]
    _titles_in(said, everybody, known)
    _label(everybody, known)
    labels = {name: member.label for member in everybody for name in member.names}
    return Cast(members, labels, notes)


def _member(speaker: str, people: list[Member], members: dict[str, Member], known: set[str]) -> Member:
    """The member that a speaker of the source is; a new one where nobody fits."""
    words = tidy(speaker.strip(" []()<>*:-"))
    if _TEACHER.fullmatch(words):
        return Member(Voice.TEACHER, label=TEACHER if words.lower() in ("t", "teacher") else "", sure=True)
    if _GROUP.fullmatch(words):
        return _same(members, GROUP) or Member(Voice.GROUP, label=GROUP, sure=True)
    if match := _STUDENT.fullmatch(words):
        mark = match[1] or ""
        # several letters are a label only where capitals tell it from a name: “Student AB”, but no “student li”
        nobody = len(mark) < 2 or not mark.isalpha() or (mark.isupper() and not words.isupper())
        if fold(mark) not in known and nobody:
            label = words if words[0].isupper() else words.capitalize()
            label = "Student" if label.lower() in ("s", "st", "stu") else label[:60]
            return _same(members, label) or Member(Voice.STUDENT, label=label, sure=True)
    if _OTHER.fullmatch(words):
        label = words[:1].upper() + words[1:60]
        return _same(members, label) or Member(Voice.OTHER, label=label, sure=True)
    if _ANYBODY.fullmatch(words) and fold(words) not in known:
        label = f"Speaker {words.upper()}" if len(words) < 3 else words[:60]
        return _same(members, label) or Member(None, label=label)
    return _named(words, people)


def _same(members: dict[str, Member], label: str) -> Member | None:
    return next((m for m in members.values() if m.label.lower() == label.lower() and not m.names), None)


def _named(words: str, people: list[Member]) -> Member:
    role = _ROLE_WORD.search(words)
    name = _ROLE_WORD.sub("", words).strip(" ,-–()[]") if role and parts(_ROLE_WORD.sub("", words)) else words
    several = [piece for piece in re.split(r"\s*(?:&|\band\b|/|\+)\s*", name) if parts(piece)]
    if len(several) > 1:
        for piece in several:
            if _matching(piece, people) is None:
                people.append(Member(None, names=[piece]))
        return Member(Voice.GROUP, label=GROUP, sure=True)
    found = _matching(name, people)
    if found is None:
        if not parts(name):
            return Member(None, label="Speaker")
        found = Member(None, names=[])
        people.append(found)
    found.names.append(name)
    voice = _titled_voice(name)
    if role:
        voice = Voice.STUDENT if role[1].lower() in ("student", "pupil") else Voice.TEACHER
    if voice is not None and not found.sure:
        found.voice, found.sure = voice, True
    return found


def _titled_voice(name: str) -> Voice | None:
    """Teacher for a name with a title or the role written to it."""
    if re.search(r"\b(teacher|instructor)\b", name, re.IGNORECASE):
        return Voice.TEACHER
    first = re.match(r"\W*([^\W\d_]+)\.?\s", name) or re.search(r",\s*([^\W\d_]+)\.?(?:\s|$)", name)
    return Voice.TEACHER if first and fold(first[1]) in lists.TITLES - {"coach"} else None


def _matching(name: str, people: Iterable[Member]) -> Member | None:
    """The one person whom a name can mean; None where it can be nobody or several."""
    own = parts(name)
    if not own or all(len(part) == 1 for part in own):
        return None
    exact = [person for person in people if any(parts(other) == own for other in person.names)]
    if exact:
        return exact[0]
    found = [person for person in people if any(_fits(own, other) for other in person.names)]
    return found[0] if len(found) == 1 else None


def _fits(own: Sequence[str], other: str) -> bool:
    theirs = [*parts(other), *nicknames(other)]
    shorter, longer = (own, theirs) if len(own) <= len(theirs) else (theirs, own)
    if not shorter or not any(len(part) > 1 and part in longer for part in shorter):
        return False
    rest = list(longer)
    for part in sorted(shorter, key=len, reverse=True):
        hit = next((x for x in rest if x == part or (1 in (len(part), len(x)) and x[0] == part[0])), None)
        if hit is None:
            return False
        rest.remove(hit)
    return True


def _voices(speaking: Sequence[Member]) -> list[str]:
    """Give every speaker a voice. The teacher is who is called so, else who speaks and asks most."""
    if not any(member.voice == Voice.TEACHER for member in speaking):
        open_to = [member for member in speaking if not member.sure]
        words = sum(member.words for member in speaking) or 1
        questions = sum(member.questions for member in speaking) or 1
        best = max(open_to, key=lambda m: m.words / words + m.questions / questions, default=None)
        if best is not None:
            best.voice = Voice.TEACHER
        else:
            return ["No speaker is called a teacher. Say below who teaches."]
        for member in speaking:
            member.voice = member.voice or Voice.STUDENT
        return ["Who speaks and asks most was taken for the teacher."]
    for member in speaking:
        member.voice = member.voice or Voice.STUDENT
    return []


def _one_teacher(speaking: list[Member], people: list[Member]) -> None:
    """“Teacher” in the transcript and the one teacher whom the roster names are the same person."""
    nameless = [m for m in speaking if m.voice == Voice.TEACHER and not m.names]
    named = [m for m in speaking if m.voice == Voice.TEACHER and m.names]
    silent = [m for m in people if m.voice == Voice.TEACHER and not any(m is other for other in speaking)]
    if len(nameless) == 1 and not named and silent:
        sure = [m for m in silent if m.sure] or silent
        nameless[0].names += sure[0].names
        people[:] = [person for person in people if person is not sure[0]]
    for person in people:
        person.voice = person.voice or Voice.STUDENT


def _titles_in(said: Sequence[Said], everybody: list[Member], known: set[str]) -> None:
    """“Ms. Rivera” in the words of the lesson, whom no list names: a teacher all the same."""
    names = {part for member in everybody for name in member.names for part in parts(name)} | known
    found: Counter[str] = Counter()
    for row in said:
        for match in (*_TITLED.finditer(row.text), *_MISS.finditer(row.text)):
            word = re.sub(r"['’]s$", "", match[1])
            if fold(word) not in names and len(fold(word)) > 1 and not ROLE.fullmatch(word):
                found[word] += 1
    spelled: dict[str, list[str]] = {}
    for word, _ in found.most_common():
        spelled.setdefault(fold(word), []).append(word)
    teachers = [m for m in everybody if m.voice == Voice.TEACHER]
    for words in spelled.values():
        nameless = [m for m in teachers if not m.names]
        if nameless:
            nameless[0].names += words
        else:
            everybody.append(Member(Voice.TEACHER, names=words))


def _label(everybody: Sequence[Member], known: set[str]) -> None:
    """Labels for all: the teacher who speaks most is “Teacher”, students get letters in the order in which they speak."""
    teachers = sorted((m for m in everybody if m.voice == Voice.TEACHER), key=lambda m: -m.words)
    for number, member in enumerate(teachers, 1):
        member.label = TEACHER if number == 1 else f"{TEACHER} {number}"
    taken = {member.label for member in everybody if member.label}
    free = _free_labels(taken, known)
    for member in everybody:
        if not member.label:
            member.label = GROUP if member.voice == Voice.GROUP else next(free)


def _free_labels(taken: set[str], known: set[str]) -> Iterator[str]:
    """“Student A” and so on, without those taken and without letters that spell a name."""
    number = 0
    while True:
        mark = letters(number)
        number += 1
        if f"Student {mark}" not in taken and mark.lower() not in known:
            yield f"Student {mark}"
