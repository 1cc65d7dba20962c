"""Search: what is found, in which order, by whom; and that the caches follow the rows."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from courses.answers import publish_answer
from courses.index import CourseIndex, forget, index_of, pack
from courses.ingestion import ingest
from courses.lexical import LexicalIndex, terms
from courses.models import Course, Material, Passage, Proposition
from courses.search import neighbours, search
from tests import make
from tests.courses.conftest import Cast
from tutor.llm.embeddings import DIMENSION, embed

pytestmark = [pytest.mark.django_db, pytest.mark.model]


@pytest.fixture(autouse=True)
def fresh_indexes() -> None:
    forget()


def add(course: Course, *texts: str, **fields: object) -> Material:
    """A read material with one embedded passage and proposition for each text."""
    material = make.material(course, "\n\n".join(texts), **fields)
    for text, vector in zip(texts, embed(texts), strict=True):
        row = make.passage(material, text, vector=pack(vector))
        Proposition.objects.create(
            passage=row, ordinal=0, text=text, start=0, end=len(text), vector=pack(vector)
        )
    course.touch_index()
    return material


def find(course: Course, query: str, k: int = 8) -> list[str]:
    return [hit.text for hit in search(course, query, passages=Passage.objects.for_agent(course), k=k)]


RAIN = "Rain forms when water vapour condenses into droplets."
BREAD = "Bread rises because yeast gives off carbon dioxide."
CODE = "The `enumerate()` function yields an index with every item."


def test_meaning_and_words_both_find() -> None:
    course = make.course()
    add(course, RAIN, BREAD, CODE)
    assert find(course, "why does dough get bigger")[0] == BREAD
    assert find(course, "enumerate()")[0] == CODE


def test_nothing_is_found_for_nothing() -> None:
    course = make.course()
    assert find(course, "anything") == []
    add(course, RAIN)
    assert find(course, "   ") == []
    assert find(course, "?!") == [RAIN]  # no words to match, but the nearest is offered


def test_dense_search_is_exact_also_when_filtered() -> None:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(500, DIMENSION)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    course = make.course()
    material = make.material(course, "text")
    Passage.objects.bulk_create(
        Passage(
            material=material, course=course, ordinal=n, text=f"row {n}", start=0, end=1, vector=pack(vector)
        )
        for n, vector in enumerate(vectors)
    )
    course.touch_index()
    index = index_of(course)
    stored = vectors.astype(np.float16).astype(np.float32)
    for allowed in (np.ones(500, bool), rng.random(500) < 0.3):
        for query in vectors[:20]:
            exact = np.argsort(-np.where(allowed, stored @ query, -2))[:10]
            assert [row for row, _ in index.nearest(query, allowed, 10)] == exact.tolist()


def test_a_hit_points_at_the_sentence_that_answers() -> None:
    course = make.course()
    text = f"{RAIN} {BREAD}"
    material = make.material(course, text)
    make.passage(material, text, vector=pack(embed([text])[0]))
    course.touch_index()
    hit = search(course, "yeast in dough", passages=Passage.objects.for_agent(course))[0]
    assert text[hit.start : hit.end] == BREAD
    assert f"s={hit.start}&e={hit.end}" in hit.url


def test_students_find_only_what_was_released_and_staff_all(cast: Cast) -> None:
    tomorrow = timezone.now() + timedelta(days=1)
    add(cast.course, RAIN)
    add(cast.course, "Hidden rain.", hidden=True)
    add(cast.course, "Key to rain.", answer_key=True)
    add(cast.course, "Rain of tomorrow.", release_at=tomorrow)
    add(cast.course, "Rain as it was.", superseded=True)
    add(cast.other, "Rain in poems.")

    def seen(name: str) -> set[str]:
        passages = Passage.objects.readable_by(getattr(cast, name), cast.course)
        return {hit.text for hit in search(cast.course, "rain", passages=passages)}

    assert seen("student") == {RAIN}
    assert seen("outsider") == seen("stranger") == set()
    assert seen("staff") == seen("instructor") == {RAIN, "Hidden rain.", "Key to rain.", "Rain of tomorrow."}


def test_hiding_takes_effect_at_once_even_if_nobody_touched_the_index(cast: Cast) -> None:
    material = add(cast.course, RAIN)
    assert find(cast.course, "rain") == [RAIN]
    Material.objects.filter(pk=material.pk).update(hidden=True)
    assert find(cast.course, "rain") == []


def test_a_queryset_narrower_than_its_materials_is_obeyed() -> None:
    course = make.course()
    add(course, RAIN, BREAD, CODE)
    only = Passage.objects.for_agent(course).filter(text=CODE)
    assert [hit.text for hit in search(course, "rain and bread", passages=only)] == [CODE]


def test_what_is_added_is_found_and_what_is_deleted_is_not() -> None:
    course = make.course()
    first = add(course, RAIN)
    assert find(course, "yeast") == [RAIN]
    add(course, BREAD)
    assert find(course, "yeast")[0] == BREAD
    first.delete()
    course.touch_index()
    assert find(course, "rain") == [BREAD]


def test_only_new_rows_are_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    course = make.course()
    add(course, *(f"Sentence number {n} about rain." for n in range(30)))
    index_of(course)
    loaded: list[int] = []
    real = CourseIndex._add

    def counted(self: CourseIndex, ids: list[int]) -> None:
        loaded.extend(ids)
        real(self, ids)

    monkeypatch.setattr(CourseIndex, "_add", counted)
    late = add(course, BREAD)
    assert len(index_of(course)) == 31
    assert loaded == [late.passages.get().pk]


def test_a_vector_that_comes_later_is_taken_up() -> None:
    course = make.course()
    material = make.material(course, BREAD)
    row = make.passage(material, BREAD)
    course.touch_index()
    assert find(course, "dough getting bigger") == []
    Passage.objects.filter(pk=row.pk).update(vector=pack(embed([BREAD])[0]))
    course.touch_index()
    assert find(course, "dough getting bigger") == [BREAD]


def test_searching_while_material_arrives() -> None:
    course = make.course()
    add(course, RAIN)
    index = index_of(course)
    vector = embed(["rain"])[0]
    wrong: list[object] = []
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            with index.lock:
                rows = index.nearest(vector, index.allowed(set(index.materials.tolist())), 5)
            if not rows or max(row for row, _ in rows) >= len(index.ids):
                wrong.append(rows)

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    try:
        for n in range(15):
            add(course, f"Shower number {n}.")
            index_of(course)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert not wrong
    assert len(index_of(course)) == 16


def test_a_staff_answer_is_found_by_its_words_at_once_and_comes_first_once_embedded() -> None:
    course = make.course()
    add(course, "The exam room is listed in the campus plan, exam rooms are large.", RAIN)
    material = publish_answer(course, "Where is the exam?", "In hall B, from nine o'clock.", None)
    assert find(course, "where is the exam")[0].startswith("Where is the exam?")
    ingest(material)
    hits = search(course, "Where does the exam take place?", passages=Passage.objects.for_agent(course))
    assert hits[0].passage.material == material
    assert hits[0].passage.pinned
    assert not search(course, "How does rain form?", passages=Passage.objects.for_agent(course))[
        0
    ].passage.pinned


def test_a_new_answer_to_the_same_question_replaces_the_old() -> None:
    course = make.course()
    publish_answer(course, "Where is the exam?", "In hall B.", None)
    publish_answer(course, " Where is  the exam?", "In hall C.", None)
    found = find(course, "where is the exam")
    assert [text.rsplit("\n", 1)[-1] for text in found] == ["In hall C."]
    with pytest.raises(ValueError, match="needs both"):
        publish_answer(course, "Where?", "  ", None)


def test_neighbours_share_the_heading() -> None:
    course = make.course()
    material = add(course, RAIN, BREAD, CODE)
    rows = list(material.passages.order_by("ordinal"))
    Passage.objects.filter(pk=rows[2].pk).update(heading_path=["Elsewhere"])
    passages = Passage.objects.for_agent(course)
    hit = next(hit for hit in search(course, "yeast", passages=passages) if hit.passage == rows[1])
    assert neighbours(hit, passages) == rows[:2]


def test_terms_know_identifiers_operators_and_endings() -> None:
    assert terms("The loops") == ["loop"]
    assert {"max_value", "max", "valu"} <= set(terms("max_value"))
    assert {"dataframe", "data", "frame"} <= set(terms("DataFrame"))
    assert "+=" in terms("a += 1")


def test_the_mean_is_a_word_and_to_mean_is_none() -> None:
    assert terms("What is the trimmed mean?") == ["trim", "mean"]
    assert terms("What does it mean?") == terms("These words mean nothing.")[:0]


def test_rare_words_weigh_more() -> None:
    index = LexicalIndex()
    for text in ("rain rain", "rain snow", "rain hail", "rain sun"):
        index.add(text)
    assert index.idf("snow") > index.idf("rain")
    assert int(index.scores(terms("rain snow")).argmax()) == 1


def test_the_command_answers_queries_as_json() -> None:
    course = make.course(slug="weather")
    material = add(course, RAIN, BREAD)
    out = StringIO()
    call_command("search", "weather", "rain", "-k", "1", "--json", stdout=out)
    answer = json.loads(out.getvalue())
    (hit,) = answer["hits"]
    assert list(answer) == ["id", "hits", "seconds"]
    assert list(hit) == [
        "rank", "score", "passage", "material", "file", "anchor", "start", "end", "text", "url"
    ]  # fmt: skip
    assert hit["rank"] == 1
    assert material.extract.text[hit["start"] : hit["end"]] == hit["text"] == RAIN
    assert (hit["file"], hit["material"]) == ("notes.md", str(material.uuid))


def test_the_command_answers_a_file_of_queries(tmp_path: Path) -> None:
    course = make.course(slug="weather")
    add(course, RAIN, BREAD)
    file = tmp_path / "queries.jsonl"
    second = '{"id": "b", "query": "\\ud83d yeast\u2028or none"}'  # half of an emoji, and a line's end inside a line
    file.write_text('\ufeff{"id": "a", "query": "rain"}\r\n\n' + second + "\n", encoding="utf-8")
    out = StringIO()
    call_command("search", "weather", "--queries", str(file), stdout=out)
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [(row["id"], row["hits"][0]["text"]) for row in rows] == [("a", RAIN), ("b", BREAD)]
    assert all(row["seconds"] >= 0 for row in rows)


@pytest.mark.parametrize(
    "arguments", [["nowhere", "q"], ["weather"], ["weather", "q", "--queries", "x.jsonl"]]
)
def test_the_command_says_what_is_missing(arguments: list[str]) -> None:
    make.course(slug="weather")
    with pytest.raises(CommandError):
        call_command("search", *arguments)


def test_a_cross_encoder_may_have_the_last_word(settings: Settings) -> None:
    course = make.course()
    add(course, RAIN, BREAD, CODE)
    asked: list[dict[str, Any]] = []

    class Reranker(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            asked.append(body)
            rows = [
                {"index": n, "relevance_score": float("index" in text)}
                for n, text in enumerate(body["documents"])
            ]
            self.send_response(200)
            self.end_headers()
            self.wfile.write(json.dumps({"results": rows}).encode())

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Reranker) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings.RERANK_URL = f"http://127.0.0.1:{server.server_port}/v1/rerank"
        settings.RERANK_MODEL = "a-reranker"
        assert find(course, "rain")[0] == CODE
        server.shutdown()
    assert asked[0]["model"] == "a-reranker"
    assert asked[0]["query"] == "rain"
    assert find(course, "rain")[0] == RAIN  # and when it does not answer, the order stays as it was
