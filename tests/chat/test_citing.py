"""Citations of one answer read a material's text once, however many passages of it they rest on."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from courses.index import forget, pack
from courses.models import Passage
from courses.search import neighbours, search
from tests import make
from tutor.chat.citing import Cited, citation
from tutor.llm.embeddings import embed

pytestmark = [pytest.mark.django_db, pytest.mark.model]


def test_a_material_is_loaded_once_for_all_its_passages() -> None:
    forget()
    course = make.course()
    texts = [f"Heat number {n} flows from the hot body to the cold one." for n in range(5)]
    material = make.material(course, "\n\n".join(texts))
    for text, vector in zip(texts, embed(texts), strict=True):
        make.passage(material, text, vector=pack(vector))
    course.touch_index()
    course.refresh_from_db()
    passages = Passage.objects.for_agent(course)
    hits = search(course, "Where does heat flow?", passages=passages, k=5)
    around = neighbours(hits[0], passages)
    assert len(hits) == 5
    assert len(around) > 1
    cited = Cited()
    with CaptureQueriesContext(connection) as queries:
        made = [
            citation(n, passage, 0, len(passage.text), "supported", cited)
            for n, passage in enumerate([*(hit.passage for hit in hits), *around])
        ]
    assert {one["anchor"]["path"][0] for one in made} == {material.title}
    assert sum("courses_extract" in query["sql"] for query in queries) == 1
    assert len(queries) == 1
