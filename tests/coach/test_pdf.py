"""A report as a PDF: what stands on its pages, and that nothing in it is taken for markup."""

from __future__ import annotations

import re
from io import StringIO
from pathlib import Path

import pypdfium2
import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from coach.composing import compose
from coach.models import Report
from coach.pdf import document
from tests import make

pytestmark = pytest.mark.django_db


def pages(data: bytes) -> list[str]:
    """The text of each page, white space made one."""
    with pypdfium2.PdfDocument(data) as pdf:
        return [re.sub(r"\s+", " ", page.get_textpage().get_text_range()) for page in pdf]


def test_the_pdf_says_what_the_page_says() -> None:
    report = make.report(make.observation(make.user(name="Nneka Okafor"), title="Which barrel – 3⁄7 or ⅗?"))
    whole = " ".join(pages(document(compose(report, report.observation.teacher))))
    for words in (
        "Nneka Okafor",
        "12 November 2026",
        "One lesson says little about a teacher",
        "“How do you know?”",
        "Teacher, 0:12, line 3",
        "What makes you think so?",
        "4.2 (3.1–5.3 of 1–7)",
        "No number. Never calibrated.",
        "There are no times.",
        "No earlier lesson.",
        "Not to be used for evaluating people",
    ):
        assert words in whole


def test_every_page_of_a_long_report_is_numbered() -> None:
    talk = tuple((("Teacher", "Student A")[n % 2], f"Line {n} of a long lesson." * 9) for n in range(200))
    report = make.report(make.observation(talk=(*make.TALK, *talk)))
    row = report.findings.first()
    assert row is not None
    row.why = "A reason. " * 1500  # more than a page holds
    row.save()
    texts = pages(document(compose(report, report.observation.teacher)))
    assert len(texts) > 2
    for number, text in enumerate(texts, 1):
        assert f"{number} of {len(texts)}" in text


def test_talk_is_never_markup() -> None:
    report = make.report(make.observation(title="<b>x</b> & <img src='file:///etc/passwd'/>"))
    highlight = report.findings.get(kind="highlight")
    highlight.why = "a < b & <i>c"
    highlight.save()
    whole = " ".join(pages(document(compose(report, report.observation.teacher))))
    assert "<b>x</b> & <img src='file:///etc/passwd'/>" in whole
    assert "a < b & <i>c" in whole


def test_it_names_nobody_but_the_teacher() -> None:
    report = make.report(make.observation(make.user(name="Nneka Okafor")), Report.Status.SHARED)
    coach = make.user(name="Cora Whitfield", is_coach=True)
    client = Client()
    client.force_login(coach, backend="django.contrib.auth.backends.ModelBackend")
    url = reverse("coach:judge", args=[report.observation.uuid])
    pk = report.findings.get(kind="highlight").pk
    client.post(url, {"kind": "finding", "pk": pk, "verdict": "accepted"})
    whole = " ".join(pages(client.get(reverse("coach:pdf", args=[report.observation.uuid])).content))
    assert "Accepted by a coach" in whole
    assert "Cora" not in whole


def test_the_command_writes_the_file_or_says_why_not(tmp_path: Path) -> None:
    report = make.report()
    file = tmp_path / "report.pdf"
    call_command("coach_report", str(report.observation.uuid), str(file), stdout=StringIO())
    assert file.read_bytes().startswith(b"%PDF")
    unscored = make.observation()
    with pytest.raises(CommandError, match="Score the lesson first"):
        call_command("coach_report", str(unscored.uuid), str(file))
    with pytest.raises(CommandError, match="cannot be written"):
        call_command("coach_report", str(report.observation.uuid), str(tmp_path / "no" / "report.pdf"))


def test_what_the_typeface_lacks_is_drawn_otherwise_and_never_left_out() -> None:
    report = make.report(make.observation(title="二分 and ⅗ of △, 😀 ≥ √2"))
    data = document(compose(report, report.observation.teacher))
    whole = " ".join(pages(data))
    assert b"/BaseFont /STSong-Light" in data  # which viewers have
    assert " and 3⁄5 of [white up-pointing triangle], [grinning face] ≥ √2" in whole
