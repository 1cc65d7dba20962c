"""Opening sources: bytes by range, types that nothing can sniff around, marks at the right characters."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.http import StreamingHttpResponse
from django.urls import reverse

from courses.models import Material, Passage
from tests import make
from tests.courses.conftest import Cast

TEXT = "# Errors\n\nThe standard error falls with the square root of n.\n\nFour times the readings halve it."


def body(response: Any) -> bytes:
    """All bytes of a response, streamed or not."""
    if isinstance(response, StreamingHttpResponse):

        async def collect() -> bytes:
            return b"".join([piece async for piece in response])

        return asyncio.run(collect())
    return bytes(response.content)


@pytest.fixture
def lecture(cast: Cast) -> Material:
    return make.material(cast.course, TEXT, title="Lecture 1", sha256="a" * 64)


def fetch(cast: Cast, material: Material, **headers: str) -> Any:
    return cast.client("student").get(
        reverse("courses:file", args=["signals", material.uuid]), headers=headers
    )


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
class TestRanges:
    @pytest.mark.parametrize(
        ("wanted", "status", "part", "content_range"),
        [
            ("", 200, slice(None), None),
            ("bytes=0-3", 206, slice(0, 4), "bytes 0-3/{size}"),
            ("bytes=10-", 206, slice(10, None), "bytes 10-{last}/{size}"),
            ("bytes=-5", 206, slice(-5, None), "bytes {tail}-{last}/{size}"),
            ("bytes=0-99999", 206, slice(None), "bytes 0-{last}/{size}"),
            ("bytes=-99999", 206, slice(None), "bytes 0-{last}/{size}"),
            ("bytes=99999-", 416, None, "bytes */{size}"),
            ("bytes=9-3", 416, None, "bytes */{size}"),
            ("bytes=0-1,4-5", 200, slice(None), None),  # several ranges: the whole file is a lawful answer
            ("bytes=-", 200, slice(None), None),
            ("lines=1-2", 200, slice(None), None),
        ],
    )
    def test_a_range(
        self,
        cast: Cast,
        lecture: Material,
        wanted: str,
        status: int,
        part: slice | None,
        content_range: str | None,
    ) -> None:
        raw = TEXT.encode()
        response = fetch(cast, lecture, **({"Range": wanted} if wanted else {}))
        assert response.status_code == status
        numbers = {"size": len(raw), "last": len(raw) - 1, "tail": len(raw) - 5}
        assert response.headers.get("Content-Range") == (content_range and content_range.format(**numbers))
        if part is not None:
            assert body(response) == raw[part]
            assert int(response["Content-Length"]) == len(raw[part])
            assert response["Accept-Ranges"] == "bytes"

    def test_a_changed_file_is_sent_whole(self, cast: Cast, lecture: Material) -> None:
        response = fetch(cast, lecture, **{"Range": "bytes=0-3", "If-Range": '"other"'})
        assert response.status_code == 200
        same = fetch(cast, lecture, **{"Range": "bytes=0-3", "If-Range": response["ETag"]})
        assert same.status_code == 206

    def test_an_unchanged_file_is_not_sent_again(self, cast: Cast, lecture: Material) -> None:
        response = fetch(cast, lecture, **{"If-None-Match": f'"{"a" * 64}"'})
        assert response.status_code == 304
        assert response.content == b""

    def test_head_tells_the_size_and_sends_nothing(self, cast: Cast, lecture: Material) -> None:
        response = cast.client("student").head(reverse("courses:file", args=["signals", lecture.uuid]))
        assert int(response["Content-Length"]) == len(TEXT.encode())
        assert response.content == b""


def test_an_uploaded_page_can_run_nothing(cast: Cast) -> None:
    page = make.material(cast.course, TEXT, kind="html", filename="x.html")
    response = fetch(cast, page)
    assert response["Content-Type"] == "text/html; charset=utf-8"
    assert response["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "script" not in response["Content-Security-Policy"]


def test_the_type_comes_from_the_kind_not_the_name(cast: Cast) -> None:
    fake = make.material(cast.course, TEXT, kind="text", filename="x.html")
    assert fetch(cast, fake)["Content-Type"] == "text/plain; charset=utf-8"
    unknown = make.material(cast.course, TEXT, kind="media", filename="x.html")
    assert fetch(cast, unknown)["Content-Type"] == "application/octet-stream"


def test_a_file_name_cannot_break_the_header(cast: Cast) -> None:
    material = make.material(cast.course, TEXT)
    Material.objects.filter(pk=material.pk).update(filename='Vorlesung "1" – Fehler.md')
    url = reverse("courses:file", args=["signals", material.uuid])
    response = cast.client("student").get(f"{url}?download")
    assert response["Content-Disposition"].startswith("attachment; filename*=utf-8''Vorlesung%20%221%22")


@pytest.mark.filterwarnings("ignore:StreamingHttpResponse must consume")
def test_what_is_hidden_while_a_student_reads_it_is_gone_with_their_next_request(
    cast: Cast, lecture: Material
) -> None:
    passage = make.passage(lecture, "Four times the readings halve it.")
    pages = [
        reverse(f"courses:{name}", args=["signals", lecture.uuid])
        for name in ("source", "source_data", "file")
    ]
    student = cast.client("student")
    assert [student.get(page).status_code for page in pages] == [200, 200, 200]
    begun = fetch(cast, lecture, Range="bytes=0-3")
    assert begun.status_code == 206
    cast.client("instructor").post(reverse("courses:act", args=["signals", lecture.uuid]), {"action": "hide"})
    assert [student.get(page).status_code for page in pages] == [404, 404, 404]
    # neither the rest of the file, nor the word that the copy in the browser's cache is still good
    assert fetch(cast, lecture, **{"Range": "bytes=4-", "If-Range": begun["ETag"]}).status_code == 404
    assert fetch(cast, lecture, **{"If-None-Match": begun["ETag"]}).status_code == 404
    assert not Passage.objects.readable_by(cast.student, cast.course).filter(pk=passage.pk).exists()
    assert cast.client("instructor").get(pages[0]).status_code == 200


def test_a_lost_original_is_not_found(cast: Cast, lecture: Material) -> None:
    lecture.file.storage.delete(lecture.file.name or "")
    assert fetch(cast, lecture).status_code == 404


class TestData:
    def data(self, cast: Cast, material: Material, query: str = "") -> Any:
        return (
            cast.client("student")
            .get(reverse("courses:source_data", args=["signals", material.uuid]) + query)
            .json()
        )

    def test_the_passage_is_marked(self, cast: Cast, lecture: Material) -> None:
        passage = make.passage(lecture, "Four times the readings halve it.")
        data = self.data(cast, lecture, f"?p={passage.pk}")
        assert data["text"][data["mark"]["start"] : data["mark"]["end"]] == passage.text
        assert data["passage"]["id"] == passage.pk

    def test_a_quote_is_marked_more_exactly_than_its_passage(self, cast: Cast, lecture: Material) -> None:
        passage = make.passage(lecture, "Four times the readings halve it.")
        start = TEXT.index("readings")
        data = self.data(cast, lecture, f"?p={passage.pk}&s={start}&e={start + 8}")
        assert data["text"][data["mark"]["start"] : data["mark"]["end"]] == "readings"

    @pytest.mark.parametrize(
        "query", ["?s=5&e=2", "?s=0&e=99999", "?s=x&e=y", "?p=999999", "?s=-1&e=4", "?p=" + "9" * 22]
    )
    def test_nonsense_marks_nothing(self, cast: Cast, lecture: Material, query: str) -> None:
        assert self.data(cast, lecture, query)["mark"] is None

    def test_a_passage_of_another_material_is_not_told(self, cast: Cast, lecture: Material) -> None:
        key = make.passage(
            make.material(cast.course, "The answer is 4.", answer_key=True), "The answer is 4."
        )
        assert self.data(cast, lecture, f"?p={key.pk}")["passage"] is None

    def test_the_anchor_is_that_of_the_marked_block(self, cast: Cast) -> None:
        material = make.material(cast.course, "one two", kind="vtt")
        material.extract.blocks = [
            {
                "kind": "cue",
                "start": 0,
                "end": 3,
                "anchor": {"start_ms": 0, "end_ms": 900},
                "level": 0,
                "data": {},
            },
            {
                "kind": "cue",
                "start": 4,
                "end": 7,
                "anchor": {"start_ms": 65_000, "end_ms": 66_000},
                "level": 0,
                "data": {},
            },
        ]
        material.extract.save()
        data = self.data(cast, material, "?s=4&e=7")
        assert data["anchor"]["start_ms"] == 65_000
        assert data["label"] == "1:05"

    def test_a_replaced_version_says_so(self, cast: Cast) -> None:
        old = make.material(cast.course, TEXT, superseded=True)
        assert "A newer version" in self.data(cast, old)["version_note"]


class TestAssets:
    def asset(self, cast: Cast, material: Material, name: str, who: str = "student") -> Any:
        return cast.client(who).get(reverse("courses:asset", args=["signals", material.uuid, name]))

    @pytest.fixture
    def pictured(self, lecture: Material) -> Material:
        lecture.folder.mkdir(parents=True, exist_ok=True)
        (lecture.folder / "page-1.png").write_bytes(b"\x89PNG picture")
        (lecture.folder / "original.png").write_bytes(b"secret")
        (lecture.folder / "notes.txt").write_bytes(b"secret")
        (lecture.folder / ".hidden.png").write_bytes(b"secret")
        return lecture

    def test_pictures_are_served_sandboxed(self, cast: Cast, pictured: Material) -> None:
        response = self.asset(cast, pictured, "page-1.png")
        assert response.content == b"\x89PNG picture"
        assert response["Content-Type"] == "image/png"
        assert response["Content-Security-Policy"].startswith("sandbox")

    @pytest.mark.parametrize(
        "name", ["notes.txt", ".hidden.png", "original.png", "missing.png", "..", "..%2Fsecret.png"]
    )
    def test_nothing_else_is(self, cast: Cast, pictured: Material, name: str) -> None:
        assert self.asset(cast, pictured, name).status_code == 404

    def test_pictures_of_an_answer_key_are_not(self, cast: Cast, pictured: Material) -> None:
        Material.objects.filter(pk=pictured.pk).update(answer_key=True)
        assert self.asset(cast, pictured, "page-1.png").status_code == 404
        assert self.asset(cast, pictured, "page-1.png", "staff").status_code == 200


def test_a_large_file_is_read_in_pieces(cast: Cast) -> None:
    material = make.material(cast.course, TEXT)
    raw = bytes(range(256)) * 4096  # a megabyte: several blocks
    material.file.save("big.md", ContentFile(raw))
    response = fetch(cast, material, Range="bytes=300000-900000")
    assert body(response) == raw[300000:900001]
