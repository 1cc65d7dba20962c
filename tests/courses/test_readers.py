"""What each reader makes of a file of its kind."""

from __future__ import annotations

import json
import re
from importlib import import_module
from pathlib import Path

import pytest

from courses.readers import READERS, Block, Part, UnreadableFile, kind_of
from courses.readers.headings import slug
from courses.readers.markup import parse_xml
from courses.readers.mathml import to_latex
from tests.courses import reader_files as files


def read(kind: str, path: Path) -> list[Block]:
    return [block for part in parts(kind, path) for block in part.blocks]


def parts(kind: str, path: Path) -> list[Part]:
    module, _, function = READERS[kind].rpartition(".")
    return list(getattr(import_module(module), function)(path, path.parent / "assets"))


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def one(blocks: list[Block], kind: str) -> Block:
    found = [block for block in blocks if block.kind == kind]
    assert len(found) == 1, [block.text for block in found]
    return found[0]


def test_every_kind_has_a_reader() -> None:
    for dotted in READERS.values():
        module, _, function = dotted.rpartition(".")
        assert callable(getattr(import_module(module), function))


def test_the_share_that_was_read_ends_at_one(tmp_path: Path) -> None:
    path = written(tmp_path, "a.md", "\n\n".join(f"Paragraph {n}" for n in range(1000)))
    done = [part.done for part in parts("markdown", path)]
    assert len(done) == 3
    assert done == sorted(done)
    assert done[-1] == 1


# Markdown


def test_markdown_headings_have_paths_and_the_ids_that_github_gives_them(tmp_path: Path) -> None:
    text = "# Sums & Σ\n\nOne.\n\n## Part 1.2: Why?\n\nTwo.\n\n## Part 1.2: Why?\n\nThree.\n\n# Other {#own}\n\nFour."
    blocks = read("markdown", written(tmp_path, "a.md", text))
    assert [(b.text, b.anchor["id"]) for b in blocks if b.kind == "heading"] == [
        ("Sums & Σ", "sums--σ"),
        ("Part 1.2: Why?", "part-12-why"),
        ("Part 1.2: Why?", "part-12-why-1"),
        ("Other", "own"),
    ]
    texts = {b.text: b.anchor["path"] for b in blocks if b.kind == "text"}
    assert texts["Three."] == ["Sums & Σ", "Part 1.2: Why?"]
    assert texts["Four."] == ["Other"]


def test_markdown_keeps_formulas_and_code_as_they_are(tmp_path: Path) -> None:
    text = (
        "Let $x_1 * y_2$ and \\(a_b\\) be; it costs $5 and $6, see `__init__`.\n\n$$\n\\int_0^1 x^2\n$$\n\n"
        "```python\nfor i in x:\n    print(i)  # $not$ maths\n```\n"
    )
    blocks = read("markdown", written(tmp_path, "a.md", text))
    assert blocks[0].text == "Let $x_1 * y_2$ and $a_b$ be; it costs $5 and $6, see `__init__`."
    assert one(blocks, "formula").text == "$$\\int_0^1 x^2$$"
    assert one(blocks, "code").text == "for i in x:\n    print(i)  # $not$ maths"
    assert one(blocks, "code").data["language"] == "python"


def test_markdown_lists_nest_and_code_in_a_list_stands_by_itself(tmp_path: Path) -> None:
    text = "- one\n  1. first\n  2. second\n\n     ```\n     code\n     ```\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"
    blocks = read("markdown", written(tmp_path, "a.md", text))
    assert [(b.kind, b.text) for b in blocks] == [
        ("list", "- one\n  1. first\n  2. second"),
        ("code", "code"),
        ("list", "- two"),
        ("table", "| a | b |\n| --- | --- |\n| 1 | 2 |"),
    ]


def test_markdown_front_matter_gives_the_title(tmp_path: Path) -> None:
    text = (
        "---\ntitle: 'Noise'\nsecret: x\n---\n\nHello ![A plot of it](plot.png)\n\n![Only a plot](x/y.png)\n"
    )
    (part,) = parts("markdown", written(tmp_path, "a.md", text))
    assert part.meta == {"title": "Noise"}
    assert [(b.kind, b.text) for b in part.blocks] == [
        ("text", "Hello A plot of it"),
        ("figure", "Only a plot"),
    ]


def test_markdown_html_is_text_and_never_markup(tmp_path: Path) -> None:
    text = "<div onclick='x()'>Inside <b>bold</b><script>alert(1)</script></div>\n\nA <img src=x onerror=y> B<br>C\n"
    blocks = read("markdown", written(tmp_path, "a.md", text))
    assert [b.text for b in blocks] == ["Inside bold", "A B\nC"]


@pytest.mark.parametrize(
    ("title", "expected"), [("Hello, World!", "hello-world"), ("a_b  c", "a_b--c"), ("Ärger", "ärger")]
)
def test_slugs_are_githubs(title: str, expected: str) -> None:
    assert slug(title) == expected


# HTML


def test_html_drops_the_furniture_and_keeps_the_article(tmp_path: Path) -> None:
    page = """<!doctype html><html><head><title>Medians | Site</title><style>p{}</style></head><body>
    <nav><a href=/>Home</a></nav><header class="site-header">Banner</header><div class="cookie-banner">Accept</div>
    <main><h1 id="med">Medians</h1><p id="p1">A <b>median</b> is<br>robust<sup>2</sup>, a<sub>i</sub> not.
    <sup><a href="#f1">[1]</a></sup></p>
    <ul><li>one<ul><li>inner</li></ul></li><li>two</li></ul><h2>Code</h2><pre><code class="language-python">def f():
    return 1</code></pre>
    <table><caption>Times</caption><tr><th>a</th><th colspan=2>b</th></tr>
    <tr><td rowspan=2>1</td><td>2</td><td>3</td></tr><tr><td>4</td><td>5</td></tr></table>
    <figure id="fig"><img src="x/plot.png" alt="A curve"><figcaption>How it falls</figcaption></figure>
    <p>Inline <math><mi>x</mi><mo>=</mo><mn>2</mn></math></p>
    <math display="block"><mfrac><mi>a</mi><mi>b</mi></mfrac></math></main>
    <footer>Imprint</footer><script>track()</script></body></html>"""
    path = written(tmp_path, "a.html", page)
    blocks = read("html", path)
    whole = "\n".join(b.text for b in blocks)
    for word in ("Home", "Banner", "Accept", "Imprint", "track", "[1]"):
        assert word not in whole
    assert blocks[0].anchor == {"path": ["Medians"], "id": "med"}
    assert (blocks[1].text, blocks[1].anchor["id"]) == ("A median is\nrobust², a_i not.", "p1")
    assert one(blocks, "list").text == "- one\n  - inner\n- two"
    assert one(blocks, "code").text == "def f():\n    return 1"
    assert one(blocks, "code").data["language"] == "python"
    assert one(blocks, "table").text.split("\n")[2:] == [
        "| a | b |  |",
        "| --- | --- | --- |",
        "| 1 | 2 | 3 |",
        "|  | 4 | 5 |",
    ]
    assert one(blocks, "figure").text == "How it falls\nA curve"
    assert one(blocks, "formula").text == r"$$\frac{a}{b}$$"
    assert "Inline $x = 2$" in whole
    assert parts("html", path)[0].meta["title"] == "Medians | Site"


def test_html_takes_the_tex_that_a_formula_carries(tmp_path: Path) -> None:
    tex = '<math><semantics><mi>E</mi><annotation encoding="application/x-tex">E = mc^2</annotation></semantics></math>'
    katex = f'<span class="katex">{tex}<span aria-hidden="true">E=mc2</span></span>'
    page = f'<p>So {katex} holds.</p><script type="math/tex">a_1</script>'
    assert [b.text for b in read("html", written(tmp_path, "a.html", page))] == [
        "So $E = mc^2$ holds.",
        "$a_1$",
    ]


def test_mathml_becomes_latex() -> None:
    def of(inner: str) -> str:
        return to_latex(
            parse_xml(f'<math xmlns="http://www.w3.org/1998/Math/MathML">{inner}</math>'.encode())
        )

    assert of("<msup><mi>x</mi><mn>2</mn></msup><mo>≤</mo><mi>α</mi><mi>y</mi>") == r"x^2 \le \alpha y"
    assert (
        of("<munderover><mo>∑</mo><mrow><mi>i</mi><mo>=</mo><mn>1</mn></mrow><mi>n</mi></munderover>")
        == r"\sum_{i = 1}^n"
    )
    assert (
        of("<msqrt><mi>a</mi><mo>+</mo><mi>b</mi></msqrt><mfenced><mi>x</mi><mi>y</mi></mfenced>")
        == r"\sqrt{a+b}(x,y)"
    )
    assert of("<mover><mi>x</mi><mo>¯</mo></mover><mi>sin</mi><mi>x</mi>") == r"\bar{x}\sin x"
    assert (
        of("<mtable><mtr><mtd><mn>1</mn></mtd><mtd><mn>2</mn></mtd></mtr></mtable>")
        == r"\begin{matrix}1 & 2\end{matrix}"
    )


# LaTeX

LATEX = r"""
\documentclass{article}
\newcommand{\R}{\mathbb{R}} \newcommand{\norm}[1]{\left\|#1\right\|} \def\half{\frac12}
\DeclareMathOperator{\argmin}{arg\,min}
\title{Norms and \emph{balls}}
\begin{document}
\section{Norms}\label{sec:norms}
Let $x\in\R$ and $\norm{x}$ be 50\% sure~\cite{knuth}. % a remark
Caf\'e ``quoted''.

Second \texttt{a\_b} \verb|x_1| paragraph.
\begin{equation}\label{eq:n} \norm{x}=\half \end{equation}
\begin{align*} a &= b \\ c &= d \nonumber \end{align*}
\begin{theorem}[Cauchy] It holds. \end{theorem}
\begin{itemize}\item One \item Two\end{itemize}
\begin{figure}\includegraphics{img/p.pdf}\caption{A plot of $f$.}\label{fig:p}\end{figure}
\begin{table}\caption{Values}\begin{tabular}{lc} a & b \\ \hline 1 & $x$ \\ \end{tabular}\end{table}
\begin{lstlisting}[language=Python]
def f(x):
    return x % 2
\end{lstlisting}
\input{/etc/passwd}
\end{document}
"""


def test_latex_keeps_formulas_and_expands_the_files_own_macros(tmp_path: Path) -> None:
    blocks = read("latex", written(tmp_path, "a.tex", LATEX))
    texts = [b.text for b in blocks]
    assert texts[:2] == ["Norms and balls", "Norms"]
    assert blocks[1].anchor == {"path": ["Norms and balls", "Norms"], "id": "sec:norms"}
    assert texts[2] == r"Let $x\in\mathbb{R}$ and $\left\|x\right\|$ be 50% sure [knuth]. Café “quoted”."
    assert texts[3] == "Second `a_b` `x_1` paragraph."
    formulas = [b for b in blocks if b.kind == "formula"]
    assert formulas[0].text == r"$$\left\|x\right\|=\frac12$$"
    assert formulas[0].anchor["id"] == "eq:n"
    assert formulas[1].text == r"$$\begin{aligned}a &= b \\ c &= d\end{aligned}$$"
    assert "Theorem (Cauchy). It holds." in texts
    assert one(blocks, "list").text == "- One\n- Two"
    assert (one(blocks, "figure").text, one(blocks, "figure").anchor["id"]) == ("A plot of $f$.", "fig:p")
    assert one(blocks, "table").text == "Values\n\n| a | b |\n| --- | --- |\n| 1 | $x$ |"
    assert one(blocks, "code").text == "def f(x):\n    return x % 2"
    assert "root:" not in "\n".join(texts)


def test_latex_macros_that_grow_without_end_are_refused(tmp_path: Path) -> None:
    calls = [f"\\{letter}" * 12 for letter in "abcdefgh"]
    bomb = "".join(rf"\newcommand{{\{name}}}{{{body}}}" for name, body in zip("bcdefghi", calls, strict=True))
    path = written(
        tmp_path, "a.tex", r"\newcommand{\a}{lolololol}" + bomb + r"\begin{document}\i\end{document}"
    )
    with pytest.raises(UnreadableFile, match="without end"):
        read("latex", path)


# CNXML

CNXML = """<document xmlns="http://cnx.rice.edu/cnxml" xmlns:m="http://www.w3.org/1998/Math/MathML"><title>Medians</title>
<content><para id="p0">Hello <term>median</term>, <emphasis>robust</emphasis> as <code>len(x)</code>
  is<footnote id="f">See it.</footnote>.</para>
<section id="s1"><title>Uses</title><note id="n1" class="tip"><title>Tip</title><para id="p1">Sort first.</para></note>
<note id="n2"><title>Slides elsewhere</title><media alt="slides_1"><iframe src="https://example.org"/></media></note>
<example id="e1"><para id="p2">Take <m:math><m:msup><m:mi>x</m:mi><m:mn>2</m:mn></m:msup></m:math>,
see <link target-id="t1"/>.</para>
<code lang="python">
    def f(x):
      return x</code></example>
<exercise id="x1"><problem id="q"><para id="p3">What is it?</para></problem>
<solution id="a"><para id="p4">Two.</para></solution></exercise>
<equation id="eq"><m:math><m:mi>a</m:mi></m:math></equation>
<list id="l" list-type="enumerated"><item>One</item><item>Two <list id="l2"><item>inner</item></list></item></list>
<table id="t1"><title>Values</title><tgroup cols="2"><colspec colname="c1"/><colspec colname="c2"/>
<thead><row><entry>a</entry><entry>b</entry></row></thead>
<tbody><row><entry namest="c1" nameend="c2">both</entry></row></tbody></tgroup></table>
<figure id="fig"><media alt="A curve that falls."><image src="../media/curve.jpg"/></media>
<caption>How it falls</caption></figure>
</section></content>
<glossary><definition id="d"><term>median</term><meaning id="m">The middle value.</meaning></definition></glossary></document>"""


def test_cnxml_sections_notes_and_exercises_keep_their_ids(tmp_path: Path) -> None:
    blocks = read("cnxml", written(tmp_path, "index.cnxml", CNXML))
    by_id = {b.anchor["id"]: b for b in blocks}
    assert by_id["p0"].text == "Hello median, robust as `len(x)` is (See it.)."
    assert by_id["p1"].anchor["path"] == ["Medians", "Uses", "Tip"]
    assert by_id["p1"].data == {"note": "tip"}
    assert by_id["p2"].text == "Take $x^2$, see Table “Values”."
    assert by_id["p2"].anchor["path"] == ["Medians", "Uses"]
    assert by_id["p3"].data == {"exercise": "x1", "role": "problem"}
    assert by_id["p4"].data == {"exercise": "x1", "role": "solution"}
    assert by_id["eq"].text == "$$a$$"
    assert by_id["l"].text == "1. One\n2. Two\n  - inner"
    assert by_id["t1"].text == "Values\n\n| a | b |\n| --- | --- |\n| both |  |"
    assert by_id["fig"].text == "How it falls\nA curve that falls."
    assert by_id["fig"].data["source"] == "curve.jpg"
    assert by_id["m"].text == "median: The middle value."
    assert one(blocks, "code").text == "def f(x):\n  return x"
    assert "Slides elsewhere" not in [b.text for b in blocks]


def test_cnxml_loses_no_words(tmp_path: Path) -> None:
    text = "\n".join(b.text for b in read("cnxml", written(tmp_path, "index.cnxml", CNXML)))
    source = re.sub(r'<note id="n2">.*?</note>', "", CNXML, flags=re.DOTALL)
    for word in re.findall(r"[A-Za-z]{3,}", re.sub(r"<[^>]*>", " ", source)):
        assert word in text


# notebooks, plain text, captions


def test_notebook_cells_are_anchors_and_pictures_become_assets(tmp_path: Path) -> None:
    path = files.notebook(tmp_path / "a.ipynb")
    blocks = read("notebook", path)
    assert [(b.kind, b.anchor["cell"]) for b in blocks] == [
        ("heading", 1), ("text", 1), ("code", 2), ("code", 2), ("heading", 3), ("code", 4), ("figure", 4), ("code", 4),
    ]  # fmt: skip
    assert blocks[3].text == "2"
    assert blocks[3].data == {"output": True}
    assert blocks[5].anchor["path"] == ["Medians", "Pictures"]
    figure = blocks[6]
    assert figure.text == "Output of cell 4"
    assert (tmp_path / "assets" / figure.data["asset"]).read_bytes().startswith(b"\x89PNG")
    assert blocks[7].text == "NameError: plot"


@pytest.mark.parametrize("content", ["{", "[]", '{"cells": 3}', '{"cells": []}', "[" * 100_000])
def test_a_notebook_without_cells_is_refused(tmp_path: Path, content: str) -> None:
    with pytest.raises(UnreadableFile):
        read("notebook", written(tmp_path, "a.ipynb", content))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
def test_text_is_decoded_whatever_its_encoding(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("Größe\r\n=====\r\n\r\nDie Größe der Störung – naïve “Schätzung”.\r\n".encode(encoding))
    blocks = read("text", path)
    assert [(b.kind, b.text) for b in blocks] == [
        ("heading", "Größe"),
        ("text", "Die Größe der Störung – naïve “Schätzung”."),
    ]


def test_text_paragraphs_lists_and_code(tmp_path: Path) -> None:
    text = "1.2 Medians\n\nA paragraph that is wrapped over\ntwo lines of the file.\n\n* one\n* two\n\n    x = 1\n    y = 2\n"
    blocks = read("text", written(tmp_path, "a.txt", text))
    assert [(b.kind, b.text) for b in blocks] == [
        ("heading", "1.2 Medians"),
        ("text", "A paragraph that is wrapped over two lines of the file."),
        ("list", "- one\n- two"),
        ("code", "x = 1\ny = 2"),
    ]
    assert blocks[1].anchor == {"path": ["1.2 Medians"], "id": "12-medians"}


VTT = """WEBVTT

STYLE
::cue { color: red }

NOTE a remark

1
00:00:01.000 --> 00:00:03.000 align:start
<v Dr. Ada>Good morning. A median <b>is</b>

00:00:03.000 --> 00:00:02.000
<c.yellow>robust</c> &amp; simple.

00:00:09.000 --> 00:00:10.000
<v Bob>Why?
"""


def test_captions_become_sentences_with_voices_and_times(tmp_path: Path) -> None:
    blocks = read("vtt", written(tmp_path, "a.vtt", VTT))
    assert [(b.text, b.data["voice"]) for b in blocks] == [
        ("Good morning.", "Dr. Ada"),
        ("A median is robust & simple.", "Dr. Ada"),
        ("Why?", "Bob"),
    ]
    assert blocks[0].anchor["start_ms"] == 1000
    assert 1000 < blocks[0].anchor["end_ms"] < blocks[1].anchor["start_ms"] + 1 < 3000
    assert blocks[1].anchor["end_ms"] == 9000  # its cue ends before it starts
    assert blocks[2].anchor == {"start_ms": 9000, "end_ms": 10000}
    assert [word for word, _, _ in blocks[0].data["words"]] == ["Good", "morning."]


def test_subrip_in_any_order_and_rolling_captions(tmp_path: Path) -> None:
    srt = (
        "2\n00:00:05,000 --> 00:00:06,000\nworld.\n\n1\n00:00:04,000 --> 00:00:05,000\nHello {\\an8}<i>big</i>\n\n"
        "3\n00:00:06,000 --> 00:00:07,000\nworld.\nNext one.\n"
    )
    blocks = read("srt", written(tmp_path, "a.srt", srt))
    assert [b.text for b in blocks] == ["Hello big world.", "Next one."]
    assert blocks[0].anchor["start_ms"] == 4000
    for block in blocks:
        starts = [start for _, start, _ in block.data["words"]]
        assert starts == sorted(starts)


def test_captions_without_a_cue_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFile, match="No captions"):
        read("vtt", written(tmp_path, "a.vtt", "WEBVTT\n\nNOTE nothing\n"))


# kinds


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.md", b"# Hi", "markdown"),
        ("a.txt", b"Hi", "text"),
        ("a", b"Hi", "text"),
        ("a.txt", b"%PDF-1.7 ...", "pdf"),
        ("a.txt", b"<!DOCTYPE html><p>x", "html"),
        ("a.tex", b"\\section{A}", "latex"),
        ("a.txt", b"\\documentclass{article}", "latex"),
        ("a.xml", b'<document xmlns="http://cnx.rice.edu/cnxml">', "cnxml"),
        ("a.json", b'{"cells": [], "nbformat": 4}', "notebook"),
        ("a.txt", b"WEBVTT\n\n", "vtt"),
        ("a.txt", b"1\n00:00:01,000 --> 00:00:02,000\nHi\n", "srt"),
        ("a.bin", b"RIFF\0\0\0\0WAVEfmt ", "media"),
        ("a.mp4", b"\0\0\0\x18ftypmp42\0\0\0\0", "media"),
        ("a.mp3", b"\xff\xfb\x90\x64" + b"\0" * 100, "media"),
        ("a.txt", "Grüße".encode("utf-16"), "text"),
    ],
)
def test_kinds_are_told_by_content_first(tmp_path: Path, name: str, content: bytes, kind: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    assert kind_of(path, name) == kind


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.pdf", b"", "empty"),
        ("a.txt", b" \n\n", "empty"),
        ("a.pdf", b"Hello, this is text", "not a PDF"),
        ("a.docx", b"<html><p>Log in</p></html>", "not a Word file"),
        ("a.mp3", b"Not found", "not a recording"),
        ("a.pdf", b"\x00\x01\x02\x03" * 50, "not a PDF, or it is damaged"),
        ("a.exe", b"MZ\x90\x00\x03\x00\x00\x00", "not read"),
        ("a.png", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "Put them into a PDF"),
        ("a.rtf", b"{\\rtf1 x}", ".docx"),
        ("a.docx", b"PK\x03\x04 broken", "damaged"),
        ("a.ipynb", b"hello", "not a notebook"),
    ],
)
def test_what_cannot_be_read_is_refused_in_words(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match=message):
        kind_of(path, name)


@pytest.mark.parametrize(
    ("stream", "message"),
    [
        ("EncryptedPackage", "password"),
        ("WordDocument", "Save As .docx"),
        ("PowerPoint Document", "Save As .pptx"),
        ("x", "old Office"),
    ],
)
def test_old_and_encrypted_office_files_are_named(tmp_path: Path, stream: str, message: str) -> None:
    with pytest.raises(UnreadableFile, match=message):
        kind_of(files.ole(tmp_path / "file", stream), "a.docx")


def test_anchors_and_data_survive_json(tmp_path: Path) -> None:
    for kind, name, text in (
        ("markdown", "a.md", "# A\n\nB"),
        ("vtt", "a.vtt", VTT),
        ("latex", "a.tex", LATEX),
    ):
        for block in read(kind, written(tmp_path, name, text)):
            assert json.loads(json.dumps([block.anchor, block.data])) == [block.anchor, block.data]
