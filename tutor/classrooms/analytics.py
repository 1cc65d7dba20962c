"""What the classes of a lesson show those who teach: attendance, questions by page, quiz results, who speaks.

Teachers' own visits to a class do not count.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Exists, OuterRef, QuerySet, Sum

from courses.models import TEACHING, Course, Enrolment
from tutor.accounts.models import User
from tutor.chat.grouping import alike
from tutor.classrooms.models import Act, Action, Classroom, Function, Lesson, LessonPage, Question, Seat
from tutor.jobs import State
from tutor.practice.models import Attempt, Item

MOST = 600  # the latest questions that are grouped
OFTEN = 2  # like questions at a page that make a cluster


def _teaches(course: Course, user: str) -> Exists:
    return Exists(Enrolment.objects.filter(course=course, role__in=TEACHING, user=OuterRef(user)))


def seats(lesson: Lesson) -> QuerySet[Seat]:
    """The students' seats in classes of this version of the lesson."""
    rows = Seat.objects.filter(~_teaches(lesson.course, "user"), classroom__lesson=lesson)
    return rows.filter(user__is_superuser=False)


def questions(lesson: Lesson) -> QuerySet[Question]:
    """What students asked in these classes, newest first."""
    rows = Question.objects.filter(~_teaches(lesson.course, "act__user"), classroom__lesson=lesson)
    return rows.filter(act__user__is_superuser=False).select_related("act__turn", "page").order_by("-pk")


@dataclass
class Attendance:
    """A student over all classes of the lesson."""

    user: User
    classes: int = 0
    pages: set[int] = field(default_factory=set)
    questions: int = 0
    seen: datetime | None = None


def attendance(lesson: Lesson) -> list[Attendance]:
    """Who sat in, and how far they came; by name."""
    found: dict[int, Attendance] = {}
    for seat in seats(lesson).select_related("user").prefetch_related("pages"):
        row = found.setdefault(seat.user_id, Attendance(seat.user))
        row.classes += 1
        row.pages |= {page.ordinal for page in seat.pages.all()}
        row.seen = max(filter(None, (row.seen, seat.seen, seat.joined)))
    for user, count in questions(lesson).order_by().values_list("act__user").annotate(Count("pk")):
        if user in found:
            found[user].questions = count
    return sorted(found.values(), key=lambda row: row.user.get_full_name().lower())


@dataclass
class Cluster:
    """Like questions at one page. `label` is the most typical one, in a student's words."""

    page: LessonPage | None
    questions: list[Question]
    students: int  # who saw the page

    @property
    def label(self) -> str:
        return self.questions[0].act.turn.question

    @property
    def count(self) -> int:
        return len(self.questions)

    @property
    def people(self) -> int:
        return len({question.act.user_id for question in self.questions})

    @property
    def escalated(self) -> int:
        return sum(question.state == Question.State.ESCALATED for question in self.questions)

    @property
    def rate(self) -> float:
        """Such questions for each student who saw the page."""
        return self.count / max(1, self.students)


@dataclass
class PageQuestions:
    """A page of the lesson and what was asked there, the largest cluster first."""

    page: LessonPage
    students: int
    asked: int
    clusters: list[Cluster]


def by_page(lesson: Lesson) -> list[PageQuestions]:
    """Every page with its questions, in order."""
    asked: dict[int, list[Question]] = defaultdict(list)
    for question in questions(lesson)[:MOST]:
        if question.page_id is not None:
            asked[question.page_id].append(question)
    saw = dict(
        seats(lesson)
        .exclude(pages=None)
        .values_list("pages")
        .annotate(Count("user", distinct=True))
        .order_by()
    )
    found = []
    for page in lesson.pages.filter(state=State.DONE).order_by("ordinal"):
        mine, students = asked[page.pk], saw.get(page.pk, 0)
        found.append(PageQuestions(page, students, len(mine), clusters(page, mine, students)))
    return found


def clusters(page: LessonPage, asked: Sequence[Question], students: int) -> list[Cluster]:
    """Like questions together."""
    groups = alike([question.act.turn.question for question in asked])
    found = [Cluster(page, [asked[member] for member in members], students) for members in groups]
    return sorted(found, key=lambda cluster: -cluster.count)


@dataclass
class ItemResult:
    """First tries at a quiz item; later ones were made after the answer was known."""

    item: Item
    right: int = 0
    partial: int = 0
    wrong: int = 0

    @property
    def tries(self) -> int:
        return self.right + self.partial + self.wrong


def quiz(lesson: Lesson) -> list[ItemResult]:
    """What students answered in classes of the lesson, the item most often missed first."""
    rooms = Classroom.objects.filter(lesson=lesson).values_list("uuid", flat=True)
    attempts = (
        Attempt.objects.filter(
            ~_teaches(lesson.course, "user"), place__in=[f"classroom:{uuid}" for uuid in rooms]
        )
        .select_related("item__skill")
        .order_by("pk")
    )
    found: dict[int, ItemResult] = {}
    first: set[tuple[int, int]] = set()
    for attempt in attempts:
        if (attempt.user_id, attempt.item_id) in first:
            continue
        first.add((attempt.user_id, attempt.item_id))
        row = found.setdefault(attempt.item_id, ItemResult(attempt.item))
        setattr(row, attempt.outcome, getattr(row, attempt.outcome) + 1)
    return sorted(found.values(), key=lambda row: row.right / row.tries)


def by_skill(results: Sequence[ItemResult]) -> list[tuple[str, int, int]]:
    """Skill, right first tries, first tries; the weakest first."""
    right: Counter[str] = Counter()
    tries: Counter[str] = Counter()
    for row in results:
        right[row.item.skill.name] += row.right
        tries[row.item.skill.name] += row.tries
    return sorted(((name, right[name], tries[name]) for name in tries), key=lambda row: row[1] / row[2])


@dataclass(frozen=True)
class Part:
    """How much was said by those of a function; students together are one."""

    who: str
    acts: int
    words: int


def participation(lesson: Lesson) -> list[Part]:
    """Who spoke how much in the classes of the lesson, by function."""
    acts = Act.objects.filter(classroom__lesson=lesson).exclude(kind__in=(Act.Kind.MOVE, Act.Kind.SHOW))
    rows = acts.values("agent__function").annotate(acts=Count("pk"), words=Sum("words")).order_by()
    found = [
        Part(
            Function(row["agent__function"]).label if row["agent__function"] else "Students",
            row["acts"],
            row["words"] or 0,
        )
        for row in rows
    ]
    return sorted(found, key=lambda part: -part.words)


@dataclass(frozen=True)
class Summary:
    """A lesson in the overview."""

    lesson: Lesson
    classes: int
    students: int
    questions: int
    quizzes: int


def overview(course: Course) -> list[Summary]:
    """The lessons of the course that were held or can be, newest first."""
    rows = course.lessons.exclude(status=Lesson.Status.DRAFT).select_related("course")
    return [
        Summary(
            lesson,
            seats(lesson).values("classroom").distinct().count(),
            seats(lesson).values("user").distinct().count(),
            questions(lesson).count(),
            Action.objects.filter(page__lesson=lesson, kind=Action.Kind.QUIZ).count(),
        )
        for lesson in rows
    ]
