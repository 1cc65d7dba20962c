"""Answers that the course staff wrote, as material: pinned, found by their words at once and by meaning once embedded."""

from __future__ import annotations

import hashlib

from django.core.files.base import ContentFile
from django.db import transaction
from django.db.models import Max
from django.utils.text import Truncator

from courses.models import Course, Extract, Material, Passage
from courses.propositions import Sentence, segment
from courses.storing import store
from tutor.accounts.models import User


def publish_answer(course: Course, question: str, text: str, author: User | None) -> Material:
    """Make a staff answer part of the course's material: one pinned passage, the question above the answer.

    An earlier answer to the same question is replaced by it. Raises ValueError when a part is empty.
    """
    question, text = " ".join(question.split()), text.strip()
    if not question or not text:
        raise ValueError("An answer needs both the question and the text that answers it.")
    whole = f"{question}\n\n{text}"
    answer_start = len(question) + 2
    anchor = {"path": ["Staff answer"], "id": "answer"}
    blocks = [
        {"kind": "heading", "start": 0, "end": len(question), "anchor": anchor, "level": 1, "data": {}},
        {"kind": "text", "start": answer_start, "end": len(whole), "anchor": anchor, "level": 0, "data": {}},
    ]
    with transaction.atomic():
        earlier = (
            course.materials.current()
            .filter(origin=Material.Origin.ANSWER, meta__question=question, replaced_by=None)
            .first()
        )
        last: int | None = course.materials.aggregate(last=Max("position"))["last"]
        material = Material(
            course=course,
            title=Truncator(f"Staff answer: {question}").chars(200),
            filename="answer.md",
            kind="markdown",
            origin=Material.Origin.ANSWER,
            sha256=hashlib.sha256(whole.encode()).hexdigest(),
            size=len(whole.encode()),
            position=(last or 0) + 1,
            meta={"question": question},
            uploaded_by=author,
            replaces=earlier,
            version=earlier.version + 1 if earlier else 1,
        )
        material.file.save("answer.md", ContentFile(f"# {question}\n\n{text}\n".encode()), save=False)
        material.save()
        if earlier is not None:
            Material.objects.filter(pk=earlier.pk).update(superseded=True)
        Extract.objects.create(material=material, text=whole, blocks=blocks)
        passage = Passage(
            material=material,
            course=course,
            ordinal=0,
            kind="answer",
            text=whole,
            start=0,
            end=len(whole),
            heading_path=["Staff answer"],
            anchor=anchor,
            pinned=True,
        )
        claims = [
            Sentence(one.text, one.start + answer_start, one.end + answer_start, one.propositions)
            for one in segment(text)
        ]
        # The question stands first among the claims: a student's question is compared with it alone.
        store([passage], [[Sentence(question, 0, len(question), [question]), *claims]])
        course.touch_index()
        material.queue()
    return material
