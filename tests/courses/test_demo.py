"""The demo course: complete, small, ours, and loaded once however often it is asked for."""

from __future__ import annotations

import av
import pytest
import webvtt

from courses.demo import course as demo
from courses.demo.formulas import office_math, readable
from courses.demo.slides import read_slides
from courses.models import Course, Enrolment, Material
from tutor.accounts.demo import DEMO_USERS
from tutor.accounts.models import User
from tutor.jobs import State

SOURCES = demo.BUILT.parent / "sources"


@pytest.mark.django_db
def test_loading_it_again_changes_nothing() -> None:
    course, waiting = demo.load()
    assert [material.filename for material in waiting] == [piece.file for piece in demo.PIECES]
    before = [
        User.objects.count(),
        Course.objects.count(),
        Enrolment.objects.count(),
        Material.objects.count(),
    ]
    Material.objects.update(state=State.DONE)
    again, waiting = demo.load()
    assert (again, waiting) == (course, [])
    assert before == [
        User.objects.count(),
        Course.objects.count(),
        Enrolment.objects.count(),
        Material.objects.count(),
    ]


@pytest.mark.django_db
def test_what_its_instructor_took_away_stays_away() -> None:
    course, waiting = demo.load()
    waiting[0].delete()
    _, waiting = demo.load()
    assert len(waiting) == len(demo.PIECES) - 1
    assert course.materials.count() == len(demo.PIECES) - 1


@pytest.mark.django_db
def test_its_answer_key_is_for_those_who_teach() -> None:
    course, _ = demo.load()
    student = User.objects.get(email=next(person.email for person in DEMO_USERS if person.role == "student"))
    instructor = User.objects.get(
        email=next(person.email for person in DEMO_USERS if person.role == "instructor")
    )
    key = "problem-sheet-answers.md"
    assert Material.objects.readable_by(instructor, course).filter(filename=key).exists()
    assert not Material.objects.readable_by(student, course).filter(filename=key).exists()


def test_its_files_are_there_and_small() -> None:
    sizes = [(demo.BUILT / piece.file).stat().st_size for piece in demo.PIECES]
    assert min(sizes) > 0
    assert sum(sizes) < 4_000_000


def test_the_captions_cover_the_recording() -> None:
    captions = webvtt.read(str(demo.BUILT / "lecture-3-outliers.vtt"))
    with av.open(str(demo.BUILT / "lecture-3-outliers.ogg")) as recording:
        assert recording.duration is not None
        seconds = recording.duration / 1_000_000
    last = captions[-1].end_time
    assert last is not None
    assert abs(last.in_seconds() - seconds) < 1


def test_the_built_text_files_are_those_of_the_sources() -> None:
    for name in ("notes-propagation.md", "problem-sheet.md", "problem-sheet-answers.md"):
        assert (demo.BUILT / name).read_text() == (SOURCES / name).read_text(), "run make demo-files"


@pytest.mark.parametrize(
    ("tex", "line"),
    [
        (r"\bar{x} = \frac{1}{n} \sum_{i=1}^{n} x_i", "x\u0304 = 1/n ∑_(i=1)^n x_i"),
        (r"s^2 = \frac{1}{n-1} \sum_i (x_i - c)^2", "s² = 1/(n − 1) ∑_i (x_i − c)²"),
        (r"\mathrm{SE} = \frac{\sigma}{\sqrt{n}}", "SE = σ/(√n)"),
    ],
)
def test_formulas_read_well_on_one_line(tex: str, line: str) -> None:
    assert readable(tex) == line


def test_every_formula_of_the_slides_becomes_office_maths() -> None:
    formulas = [
        item.text
        for source in SOURCES.glob("*.slides.md")
        for slide in read_slides(source)
        for item in slide.items
        if item.kind == "formula"
    ]
    assert len(formulas) > 15
    for tex in formulas:
        assert "<m:t" in office_math(tex)
