"""The scripts of the chat page in a real browser under the real CSP: what they draw, and what they refuse to."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from playwright.sync_api import Page
from websockets.sync.server import ServerConnection, serve

pytestmark = pytest.mark.browser
ROOT = Path(__file__).resolve().parents[2]
PAGE = b"""<!DOCTYPE html><html lang="en"><head><title>Test</title>
<link rel="stylesheet" href="/static/vendor/katex/katex.min.css"></head>
<body><main id="main"></main><div id="live"></div><div id="toasts"></div></body></html>"""


def policy() -> str:
    """The site's own Content-Security-Policy, as the header has it."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(map(str, values))}" for name, values in directives.items())


class Handler(SimpleHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path.startswith("/static/"):
            return super().do_GET()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy())
        self.end_headers()
        self.wfile.write(PAGE)
        return None

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A server of the static files, with the CSP, and nothing else."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(ROOT)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()


@pytest.fixture
def blank(page: Page, site: str) -> Page:
    """An empty page that keeps every CSP violation and every request to another place."""
    strangers: list[str] = []
    page.on(
        "request", lambda request: strangers.append(request.url) if not request.url.startswith(site) else None
    )
    page.goto(site)
    page.evaluate(
        "() => { window.violations = []; addEventListener('securitypolicyviolation', (e) => violations.push(e.blockedURI)); }"
    )
    page.strangers = strangers  # type: ignore[attr-defined]
    return page


def render(page: Page, source: str) -> str:
    """The HTML that the one rendering path makes of a Markdown source."""
    html: str = page.evaluate(
        """async (source) => {
            const { renderMarkdown } = await import("/static/js/text/markdown.js");
            const main = document.getElementById("main");
            renderMarkdown(main, source);
            return main.innerHTML;
        }""",
        source,
    )
    return html


HOSTILE = [
    "<script>document.title = 'owned'</script>",
    "<img src=x onerror=\"document.title = 'owned'\">",
    "![picture](http://evil.example/p.png)",
    "![picture](data:image/svg+xml;base64,PHN2Zz4=)",
    "[click](javascript:alert(1))",
    "[click](JaVaScRiPt&colon;alert(1))",
    "[click](data:text/html,<script>1</script>)",
    "[click](vbscript:x) <a href='javascript:1'>x</a>",
    "<iframe src='//evil.example'></iframe><form action='//evil.example'><input></form>",
    "<div style='position:fixed;inset:0'>over</div> <style>body{display:none}</style>",
    "<svg><script>document.title='owned'</script></svg><math><mtext><img src=x onerror=1></mtext></math>",
    "```html\n<img src=x onerror=1>\n```",
    "$\\href{javascript:alert(1)}{x}$ $\\includegraphics{http://evil.example/i.png}$ $\\htmlStyle{color:red}{x}$",
    "| a |\n|---|\n| <img src=x onerror=1> |",
    "⸨s0⸩<img src=x onerror=1>⸨e0⸩",
]


FOREIGN = """() => [...document.querySelectorAll("#main *")].flatMap((node) => [
    ...(/^(script|img|iframe|form|input|style|object|embed|svg|link|meta|base)$/i.test(node.localName)
        && !node.closest(".katex") ? [node.outerHTML] : []),
    ...[...node.attributes].filter(({ name, value }) => /^on/i.test(name) || /^\\s*(javascript|data|vbscript):/i.test(value)
        || (name === "style" && !node.closest(".katex"))).map(({ name, value }) => `${name}=${value}`),
])"""


def test_hostile_markdown_ends_as_harmless_text(blank: Page) -> None:
    for source in HOSTILE:
        render(blank, source)
        assert blank.evaluate(FOREIGN) == [], source
    assert blank.title() == "Test"
    assert blank.strangers == []  # type: ignore[attr-defined]
    assert blank.evaluate("() => violations") == []


def test_links_go_to_http_only_and_tell_the_other_side_nothing(blank: Page) -> None:
    render(blank, "[out](https://example.org/a) [in](/c/x/) [mail](mailto:a@example.org)")
    links = blank.evaluate(
        "() => [...document.querySelectorAll('#main a')].map((a) => [a.getAttribute('href'), a.rel])"
    )
    assert links == [
        ["https://example.org/a", "noopener noreferrer"],
        ["/c/x/", "noopener noreferrer"],
        [None, ""],
    ]


def test_formulas_are_drawn_untouched_by_markdown_and_prices_are_not(blank: Page) -> None:
    render(
        blank,
        "Let $a_1 * b_2 * c$ and \\(x<y\\), for $5 or $10.\n\n$$\n\\sum_{i=1}^n i\n$$\n\n\\begin{align}a&=b\\end{align}",
    )
    drawn = blank.evaluate(
        "() => [...document.querySelectorAll('.tex')].map((n) => [n.dataset.tex, !!n.querySelector('.katex')])"
    )
    assert drawn == [
        ["a_1 * b_2 * c", True],
        ["x<y", True],
        ["\\sum_{i=1}^n i", True],
        ["\\begin{align}a&=b\\end{align}", True],
    ]
    assert "for $5 or $10." in blank.inner_text("#main")
    assert blank.locator("#main em").count() == 0
    assert blank.evaluate("() => violations") == []


def test_a_formula_that_cannot_be_read_stays_as_its_source(blank: Page) -> None:
    render(blank, "before $\\frac{1$ after")
    assert "\\frac{1" in blank.inner_text("#main")


def test_code_is_coloured_and_can_be_scrolled_by_keyboard(blank: Page) -> None:
    render(blank, "```python\nfor x in range(3):\n    print('<b>')\n```")
    assert blank.locator("#main pre .hljs-keyword").count() >= 2
    assert blank.inner_text("#main code") == "for x in range(3):\n    print('<b>')\n"
    assert blank.get_attribute("#main pre", "tabindex") == "0"


def answer(page: Page, text: str, sentences: list[dict[str, Any]]) -> None:
    """Draw an answer; a sentence is {index, text, verdict, markers}, its offsets are found in `text`."""
    rows = []
    for number, sentence in enumerate(sentences):
        start = text.index(sentence["text"])  # characters, as the server counts them
        citations = [
            {"marker": m, "label": f"Lecture {m}", "verdict": sentence["verdict"]}
            for m in sentence["markers"]
        ]
        end = start + len(sentence["text"])
        rows.append(
            {
                "index": number,
                "start": start,
                "end": end,
                "verdict": sentence["verdict"],
                "citations": citations,
            }
        )
    page.evaluate(
        """async ([text, rows]) => {
            const { renderAnswer } = await import("/static/js/chat/answer.js");
            renderAnswer(document.getElementById("main"), text, rows, () => {});
        }""",
        [text, rows],
    )


def test_chips_stand_at_the_end_of_their_sentence(blank: Page) -> None:
    text = "🙂 **The mean is unbiased.** It is *not* robust. The rest has no source.\n\n- A list item says so.\n- Another."
    answer(
        blank,
        text,
        [
            {"text": "🙂 **The mean is unbiased.**", "verdict": "supported", "markers": [1]},
            {"text": "It is *not* robust.", "verdict": "supported", "markers": [2, 3]},
            {"text": "A list item says so.", "verdict": "supported", "markers": [1]},
        ],
    )
    words = blank.evaluate(
        """() => [...document.querySelectorAll("#main > *")].map((node) => {
            for (const chip of node.querySelectorAll(".cite")) chip.replaceWith(`[${chip.textContent}]`);
            return node.textContent.replaceAll("\\u2060", "").trim();
        })"""
    )
    assert words[0] == "🙂 The mean is unbiased.[1] It is not robust.[2][3] The rest has no source."
    assert words[1].split("\n") == ["A list item says so.[1]", "Another."]


def test_weak_sentences_are_marked_in_words(blank: Page) -> None:
    text = "Known. Half $x$ *known* here. Made up, by `nobody`."
    answer(
        blank,
        text,
        [
            {"text": "Known.", "verdict": "supported", "markers": [1]},
            {"text": "Half $x$ *known* here.", "verdict": "partial", "markers": [2]},
            {"text": "Made up, by `nobody`.", "verdict": "unsupported", "markers": []},
        ],
    )
    assert blank.locator(".verdict").all_inner_texts() == ["Partly supported", "Not in the material"]
    marked = blank.evaluate(
        """() => ['partial', 'unsupported'].map((verdict) =>
            [...document.querySelectorAll(`.claim[data-claim=${verdict}]`)].map((n) => n.textContent).join(''))"""
    )
    assert marked == ["Half known here.", "Made up, by nobody."]
    assert blank.locator(".tex[data-claim=partial]").count() == 1
    assert "Source 1: Lecture 1. Supported by the material" in (
        blank.get_attribute(".cite", "aria-label") or ""
    )


def test_marks_do_not_break_tables_formulas_or_code(blank: Page) -> None:
    text = "| a | b |\n|---|---|\n| 1 | 2 |\n\nIt is $$y = x$$\n\n```python\nx = 1\n```\n\nDone."
    answer(
        blank,
        text,
        [
            {"text": "| a | b |\n|---|---|\n| 1 | 2 |", "verdict": "partial", "markers": [1]},
            {"text": "It is $$y = x$$", "verdict": "supported", "markers": [2]},
            {"text": "```python\nx = 1\n```", "verdict": "supported", "markers": [3]},
        ],
    )
    assert blank.locator("#main table td").count() == 2
    assert blank.locator("#main .katex").count() == 1
    assert blank.inner_text("#main pre code") == "x = 1\n"
    assert blank.locator("#main .cite").all_inner_texts() == ["1", "2", "3"]
    assert "⸨" not in blank.inner_text("#main")


def test_a_growing_answer_leaves_finished_blocks_alone(blank: Page) -> None:
    kept = blank.evaluate(
        """async () => {
            const { renderAnswer } = await import("/static/js/chat/answer.js");
            const main = document.getElementById("main");
            const sentence = { index: 0, start: 0, end: 10, verdict: "supported", citations: [{ marker: 1, label: "L" }] };
            renderAnswer(main, "First one.\\n\\nSec", [sentence], () => {});
            const [first, second] = main.children;
            first.querySelector(".cite").focus();
            renderAnswer(main, "First one.\\n\\nSecond.\\n\\nThird", [sentence], () => {});
            const { activeElement } = document;
            return [main.children[0] === first, main.children[1] === second, activeElement.className, main.children.length];
        }"""
    )
    assert kept == [True, False, "cite", 3]


QUOTES = [
    ("The mean of n readings", "the  mean\nof n readings", ["The mean of n readings"]),
    ("a measure- ment is repeated", "a measurement is repeated", ["a measure- ment is repeated"]),
    ("eﬃcient estimators are rare", "efficient estimators are rare", ["eﬃcient estimators are rare"]),
    ("x “quoted” words – here", 'x "quoted" words - here', ["x “quoted” words – here"]),
    (
        "The error of the mean is s x̄ = s/√n for independent readings only.",
        "The error of the mean is $\\frac{s}{\\sqrt{n}}$ for independent readings only.",
        ["The error of the mean is", "for independent readings only"],
    ),
    ("Something else entirely stands here.", "A sentence that is not there at all.", []),
]


def test_quotes_are_found_in_text_that_was_extracted_otherwise(blank: Page) -> None:
    for text, quote, expected in QUOTES:
        found = blank.evaluate(
            """async ([text, quote]) => {
                const { findQuote } = await import("/static/js/viewer/quote.js");
                return findQuote(text, quote).map(({ start, end }) => text.slice(start, end));
            }""",
            [text, quote],
        )
        assert [piece.strip(" .") for piece in found] == [piece.strip(" .") for piece in expected]


def test_versions_of_a_turn_take_its_place(blank: Page) -> None:
    paths = blank.evaluate(
        """async () => {
            const { Turns } = await import("/static/js/chat/turns.js");
            const turns = new Turns();
            const ask = (turn, ordinal, rest = {}) =>
                turns.apply({ turn, seq: 1, type: "queued", question: turn, ordinal, ...rest });
            const path = () => turns.path().map(({ id }) => id).join(" ");
            const seen = [];
            ask("a", 1); ask("b", 2); seen.push(path());
            ask("a2", 3, { regenerates: "a" }); seen.push(path());
            ask("c", 4); seen.push(path());
            turns.choose(turns.all.get("a")); seen.push(path());
            ask("b2", 5, { edits: "b" }); seen.push(path());
            ask("a3", 6, { edits: "a2" }); seen.push(path(), turns.versions(turns.all.get("a")).map(({ id }) => id).join(" "));
            turns.chooseNewest(); ask("d", 7); seen.push(path());
            return seen;
        }"""
    )
    assert paths == ["a b", "a2", "a2 c", "a b", "a b2", "a3", "a a2 a3", "a3 d"]


TURN = "00000000-0000-4000-8000-000000000001"


def test_every_event_arrives_once_and_in_order_over_cuts_and_gaps(page: Page) -> None:
    """A server that hangs up after every third event, repeats events and once leaves one out."""
    events = [{"turn": TURN, "seq": 1, "type": "queued", "question": "why?", "ordinal": 1}]
    events += [{"turn": TURN, "seq": n, "type": "text", "text": f"{n} "} for n in range(2, 20)]
    events += [{"turn": TURN, "seq": 20, "type": "end", "seconds": {}}]
    resumed: list[int] = []

    def converse(socket: ServerConnection) -> None:
        for frame in socket:
            message = json.loads(frame)
            assert message["type"] == "resume"
            last = message["after"].get(TURN, 0)
            resumed.append(last)
            again = events[max(0, last - 2) : last + 3]  # two that were seen before, three new ones
            if len(resumed) == 2:
                again = [events[last], events[last + 2]]  # one is left out: the client must ask for it
            for event in again:
                socket.send(json.dumps(event))
            if len(resumed) != 2 and last + 3 < len(events):
                return

    with serve(converse, "127.0.0.1", 0) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        port = server.socket.getsockname()[1]
        page.goto("about:blank")
        handler = partial(Handler, directory=str(ROOT))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as files:
            threading.Thread(target=files.serve_forever, daemon=True).start()
            page.goto(
                f"http://127.0.0.1:{files.server_port}/static/img/favicon.svg"
            )  # a page without our CSP: another port
            text = page.evaluate(
                """async (port) => {
                    const { Stream } = await import("/static/js/chat/socket.js");
                    return new Promise((resolve) => {
                        const seen = [];
                        const stream = new Stream(`ws://127.0.0.1:${port}/`, {
                            event: (event) => {
                                seen.push(event.seq);
                                if (event.type !== "end") return;
                                stream.close();
                                resolve(seen);
                            },
                            state: () => {},
                        });
                    });
                }""",
                port,
            )
            files.shutdown()
        server.shutdown()
        thread.join()
    assert text == list(range(1, 21))
    assert len(resumed) >= 6
