"""The source viewer on what the readers really read out of the demo's files: what is marked is what was cited."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.utils.module_loading import import_string
from playwright.sync_api import Locator, Page

from courses.anchors import anchor_of
from courses.extracts import append
from courses.readers import READERS
from tests.browser.test_chat_ui import ROOT, Handler

pytestmark = pytest.mark.browser
BUILT = ROOT / "courses" / "demo" / "built"
TYPES = {".pdf": "application/pdf", ".ogg": "audio/ogg"}


class Source:
    """A file of the demo course, read as ingestion reads it, and the data that the viewer asks for."""

    def __init__(self, kind: str, name: str, assets: Path, transcript: str = "") -> None:
        self.kind, self.name = kind, name
        self.text, self.blocks, self.meta = "", list[dict[str, Any]](), dict[str, Any]()
        read = import_string(READERS["vtt" if transcript else kind])
        for part in read(BUILT / (transcript or name), assets):
            self.text = append(self.text, self.blocks, part.blocks)
            self.meta |= part.meta

    def data(self, start: int, end: int) -> dict[str, Any]:
        return {
            "title": self.name,
            "kind": self.kind,
            "filename": self.name,
            "content_type": TYPES.get(Path(self.name).suffix, ""),
            "file_url": f"/courses/demo/built/{self.name}",
            "asset_url": "/asset/",
            "text": self.text,
            "blocks": self.blocks,
            "meta": self.meta,
            "passage": None,
            "mark": {"start": start, "end": end},
            "anchor": anchor_of(self.text, self.blocks, start, end),
            "label": "",
            "version_note": "",
        }


class SourceHandler(Handler):
    """Static files and the demo's files, the page under the CSP, and /source/<kind>/data.json?s=&e=."""

    sources: dict[str, Source]

    def __init__(self, *args: Any, sources: dict[str, Source], **kwargs: Any) -> None:
        self.sources = sources
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        path, _, query = self.path.partition("?")
        if path.startswith("/courses/demo/built/"):
            self.path = f"/static/../{path.lstrip('/')}"
            return super().do_GET()
        if path.startswith("/source/") and path.endswith("data.json"):
            values = dict(pair.split("=") for pair in query.split("&"))
            body = json.dumps(
                self.sources[path.split("/")[2]].data(int(values["s"]), int(values["e"]))
            ).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(body)
            return None
        return super().do_GET()


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Source]:
    assets = tmp_path_factory.mktemp("assets")
    files = {
        "pdf": "lecture-1-repeating-a-measurement.pdf",
        "pptx": "lecture-2-smoothing-a-signal.pptx",
        "markdown": "notes-propagation.md",
        "notebook": "simulation.ipynb",
    }
    read = {kind: Source(kind, name, assets) for kind, name in files.items()}
    return read | {"media": Source("media", "lecture-3-outliers.ogg", assets, "lecture-3-outliers.vtt")}


@pytest.fixture
def viewer(page: Page, sources: dict[str, Source]) -> Iterator[Page]:
    """An empty page that can open sources: `open_source(page, …)`."""
    handler = partial(SourceHandler, sources=sources, directory=str(ROOT))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    page.goto(f"http://127.0.0.1:{server.server_port}/")
    page.evaluate(
        """async () => {
            window.violations = [];
            addEventListener("securitypolicyviolation", ({ violatedDirective, blockedURI }) =>
                violations.push(`${violatedDirective} ${blockedURI}`));
            for (const sheet of ["tokens", "lyceum", "viewer"]) {
                const link = document.createElement("link");
                Object.assign(link, { rel: "stylesheet", href: `/static/css/${sheet}.css` });
                document.head.append(link);
            }
            document.getElementById("main").style.cssText = "display: flex; flex-direction: column; height: 40rem";
            const { Viewer } = await import("/static/js/viewer/viewer.js");
            window.viewer = new Viewer(document.getElementById("main"));
        }"""
    )
    yield page
    assert page.evaluate("() => violations") == []
    page.close()
    server.shutdown()
    thread.join()


def open_source(page: Page, source: Source, start: int, end: int) -> Locator:
    page.evaluate("(url) => viewer.open(url)", f"/source/{source.kind}/?s={start}&e={end}")
    marks = page.locator("[data-mark]")
    marks.first.wait_for(state="attached")
    return marks


def letters(text: str) -> str:
    return "".join(char for char in text.lower() if char.isalnum())


def sentences(source: Source, kinds: tuple[str, ...] = ("text", "list", "cue")) -> list[tuple[int, int]]:
    """Spans of the blocks of these kinds that have no formula, a block's first line each."""
    spans = []
    for block in source.blocks:
        line = source.text[block["start"] : block["end"]].split("\n")[0].rstrip()
        if block["kind"] in kinds and "$" not in line and "`" not in line and len(letters(line)) > 25:
            spans.append((block["start"], block["start"] + len(line)))
    return spans


def test_a_pdf_opens_at_the_page_with_the_very_words_marked(viewer: Page, sources: dict[str, Source]) -> None:
    source = sources["pdf"]
    spans = sentences(source)
    assert len(spans) > 15
    for start, end in spans[::4]:
        marks = open_source(viewer, source, start, end)
        page_number = source.data(start, end)["anchor"]["page"]
        assert viewer.locator(f'.pdf-page[data-page="{page_number}"] [data-mark]').count() == marks.count()
        found = letters("".join(marks.all_inner_texts()))
        assert found == letters(source.text[start:end].removeprefix("- ")), source.text[start:end]
        top, bottom = viewer.locator(".pdf-pages").evaluate(
            "(node) => [node.getBoundingClientRect().top, node.getBoundingClientRect().bottom]"
        )
        box = marks.first.bounding_box()
        assert box is not None
        assert top <= box["y"] <= bottom, "the mark is in sight"


def test_a_quote_over_the_end_of_a_page_is_marked_on_both(viewer: Page, sources: dict[str, Source]) -> None:
    source = sources["pdf"]
    spans = sentences(source, ("text",))
    pages = [source.data(*span)["anchor"]["page"] for span in spans]
    at = next(n for n in range(len(spans) - 1) if pages[n + 1] == pages[n] + 1)
    (start, _), (second, end) = spans[at], spans[at + 1]
    anchor = source.data(start, end)["anchor"]
    assert (anchor["page"], [found["page"] for found in anchor["also"]]) == (pages[at], [pages[at + 1]])
    marks = open_source(viewer, source, start, end)
    top = viewer.locator(".pdf-pages").evaluate("(node) => node.getBoundingClientRect().top")
    box = marks.first.bounding_box()
    assert box is not None
    assert box["y"] >= top, "it opens at the first"
    viewer.locator(f'.pdf-page[data-page="{pages[at + 1]}"]').scroll_into_view_if_needed()
    following = viewer.locator(f'.pdf-page[data-page="{pages[at + 1]}"] [data-mark]')
    following.first.wait_for(state="attached")
    assert letters(source.text[second:end]) in letters("".join(following.all_inner_texts()))
    open_source(viewer, source, *spans[0])  # another citation: the old marks are gone
    assert following.count() == 0 or pages[0] == pages[at + 1]


@pytest.mark.parametrize("width", ["22rem", "60rem"])
def test_the_number_is_that_of_the_page_that_was_opened_and_the_arrows_go_one_by_one(
    viewer: Page, sources: dict[str, Source], width: str
) -> None:
    viewer.evaluate("(width) => { document.getElementById('main').style.width = width; }", width)
    shown = {"pdf": ".page-number", "pptx": ".viewer-bar .bar-label"}
    for kind, label in shown.items():
        source = sources[kind]
        sheet = {"pdf": "page", "pptx": "slide"}[kind]
        spans = {source.data(*span)["anchor"][sheet]: span for span in sentences(source)}
        for number, span in spans.items():
            open_source(viewer, source, *span)
            assert number_of(viewer, label) == number
        last = number  # the arrows from the last one that was opened, back and forth
        viewer.get_by_role("button", name=f"Previous {sheet}").click()
        viewer.get_by_role("button", name=f"Previous {sheet}").click()
        assert number_of(viewer, label) == last - 2
        viewer.get_by_role("button", name=f"Next {sheet}").click()
        assert number_of(viewer, label) == last - 1


def number_of(page: Page, label: str) -> int:
    """The number that the viewer says, once all that was set in motion has come to rest."""
    page.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown = page.locator(label)
    text = shown.input_value() if shown.get_attribute("inputmode") else shown.inner_text()
    return int(text.removeprefix("Slide ").split()[0])


def test_a_formula_of_a_pdf_is_marked_by_its_boxes(viewer: Page, sources: dict[str, Source]) -> None:
    source = sources["pdf"]
    block = next(block for block in source.blocks if block["kind"] == "formula")
    open_source(viewer, source, block["start"], block["end"])
    page = viewer.locator(f'.pdf-page[data-page="{block["anchor"]["page"]}"]').bounding_box()
    marked = viewer.locator(".pdf-box").first.bounding_box()
    assert page is not None
    assert marked is not None
    assert page["x"] <= marked["x"] < marked["x"] + marked["width"] <= page["x"] + page["width"]
    assert page["y"] <= marked["y"] < marked["y"] + marked["height"] <= page["y"] + page["height"]


@pytest.mark.parametrize("kind", ["markdown", "notebook", "pptx", "media"])
def test_read_text_is_marked_by_its_offsets(viewer: Page, sources: dict[str, Source], kind: str) -> None:
    source = sources[kind]
    spans = sentences(source)
    assert spans
    for start, end in spans[:: max(1, len(spans) // 4)]:
        words = end - start
        inner = (start + words // 4, start + 3 * words // 4)  # a part of the block, as a quote is
        marks = open_source(viewer, source, *inner)
        assert letters("".join(marks.all_inner_texts())) == letters(source.text[slice(*inner)])


def test_a_slide_keeps_its_shapes_in_their_places_and_says_its_number(
    viewer: Page, sources: dict[str, Source]
) -> None:
    source = sources["pptx"]
    start, end = sentences(source)[3]
    open_source(viewer, source, start, end)
    number = source.data(start, end)["anchor"]["slide"]
    viewer.locator(".bar-label", has_text=f"Slide {number} of 13").wait_for()
    slide = viewer.locator(f'.slide[data-slide="{number}"]')
    heading, sheet = slide.locator("h2").bounding_box(), slide.locator(".slide-sheet").bounding_box()
    assert heading is not None
    assert sheet is not None
    assert heading["y"] < sheet["y"] + sheet["height"] / 3
    viewer.get_by_role("button", name="Next slide").click()
    viewer.locator(".bar-label", has_text=f"Slide {number + 1} of 13").wait_for()


def test_a_recording_stands_at_the_second_and_plays_only_when_told(
    viewer: Page, sources: dict[str, Source]
) -> None:
    source = sources["media"]
    start, end = sentences(source)[10]
    open_source(viewer, source, start, end)
    at = source.data(start, end)["anchor"]["start_ms"] / 1000
    player = viewer.locator("audio")
    seen = player.evaluate(
        """(player) => new Promise((resolve) => {
            const look = () => (player.currentTime > 0 ? resolve([player.currentTime, player.paused]) : setTimeout(look, 20));
            look();
        })"""
    )
    assert seen == [pytest.approx(at, abs=0.5), True]
    assert viewer.locator(".transcript li[aria-current] mark").count() == 1


def test_a_source_that_is_gone_says_so_and_can_be_tried_again(viewer: Page) -> None:
    viewer.evaluate("() => viewer.open('/static/nothing/?s=0&e=1')")
    viewer.get_by_text("This source is not available to you any more.").wait_for()
    assert viewer.get_by_role("button", name="Try again").is_visible()
