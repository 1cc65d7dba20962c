"""LaTeX sources. Only this file is read: \\input and \\include are never followed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import (
    LatexCharsNode,
    LatexCommentNode,
    LatexEnvironmentNode,
    LatexGroupNode,
    LatexMacroNode,
    LatexMathNode,
    LatexNode,
    LatexSpecialsNode,
    LatexWalker,
    get_default_latex_context_db,
)
from pylatexenc.macrospec import LatexContextDb, std_environment, std_macro

from courses.readers.flow import BREAK, Flow, code_span, code_text, one_line
from courses.readers.latex_macros import expand
from courses.readers.parts import Part, UnreadableFile, in_parts
from courses.readers.tables import markdown_table
from courses.readers.text import decode

SECTIONS = {
    "part": 1,
    "chapter": 1,
    "section": 2,
    "subsection": 3,
    "subsubsection": 4,
    "paragraph": 5,
    "subparagraph": 6,
}
FORMULAS = {
    "equation",
    "displaymath",
    "math",
    "align",
    "alignat",
    "flalign",
    "gather",
    "multline",
    "eqnarray",
}
ALIGNED = {
    "align": "aligned",
    "alignat": "aligned",
    "flalign": "aligned",
    "eqnarray": "aligned",
    "gather": "gathered",
}
LISTS = {"itemize": "- ", "enumerate": "1", "description": "- "}
THEOREMS = {
    "theorem", "lemma", "corollary", "proposition", "definition", "example", "exercise", "problem", "solution",
    "remark", "proof", "claim", "axiom", "conjecture", "note",
}  # fmt: skip
SILENT = {
    "label", "input", "include", "bibliography", "bibliographystyle", "usepackage", "documentclass", "vspace",
    "hspace", "includegraphics", "maketitle", "tableofcontents", "newpage", "clearpage", "pagestyle", "centering",
    "noindent", "small", "large", "footnotesize", "newtheorem", "setlength", "index", "nocite", "pause", "hline",
    "toprule", "midrule", "bottomrule", "thispagestyle", "title", "author", "date", "institute", "addcontentsline",
    "setcounter", "bigskip", "medskip", "smallskip", "appendix", "frametitle", "caption", "cline", "vfill", "hfill",
}  # fmt: skip
TRANSPARENT = {
    "emph",
    "textbf",
    "textit",
    "textrm",
    "textsf",
    "textsc",
    "underline",
    "text",
    "mbox",
    "textcolor",
    "href",
}
_CODE = re.compile(
    r"\\begin\{(verbatim\*?|Verbatim|lstlisting|minted|alltt|pycode|pyconsole)\}(.*?)\\end\{\1\}", re.DOTALL
)


@cache
def _context() -> LatexContextDb:
    context = get_default_latex_context_db()
    context.add_context_category(
        "lyceum",
        prepend=True,
        macros=[
            *(std_macro(name, "*[{") for name in SECTIONS),
            std_macro("lyceumcode", "{"),
            std_macro("frametitle", "{"),
            std_macro("framesubtitle", "{"),
            std_macro("textcolor", "{{"),
            std_macro("caption", "[{"),
            std_macro("texttt", "{"),
            std_macro("newtheorem", "*{[{["),
        ],
        environments=[
            std_environment(name, "[") for name in [*sorted(THEOREMS), "figure", "figure*", "table", "table*"]
        ],
    )
    return context


@cache
def _plain() -> LatexNodes2Text:
    return LatexNodes2Text(math_mode="verbatim", keep_comments=False, strict_latex_spaces=True)


def read(path: Path, assets: Path) -> Iterator[Part]:
    """Blocks under section paths; formulas keep their source, with the file's own simple macros expanded."""
    source = decode(path.read_bytes())
    code: list[tuple[str, str]] = []

    def keep(match: re.Match[str]) -> str:
        options = re.match(r"(?:\[[^\]\n]*\])?(?:\{(\w+)\})?", match[2])
        language = (options[1] or "") if options and match[1] == "minted" else ""
        if found := re.match(r"\[[^\]\n]*language=\{?(\w+)", match[2]):
            language = found[1]
        code.append(
            (language.lower(), match[2][options.end() if options and match[1] != "verbatim" else 0 :])
        )
        return rf"\lyceumcode{{{len(code) - 1}}}"

    source = re.sub(r"(?<!\\)((?:\\\\)*)%.*(?:\n[ \t]*(?=\S))?", r"\1", _CODE.sub(keep, source))
    source = expand(source)
    preamble, found, body = source.partition(r"\begin{document}")
    body = body.partition(r"\end{document}")[0] if found else source
    walk = _Walk(code)
    try:
        title = walk.title(preamble if found else source) or walk.title(body)
        if title:
            walk.flow.heading(1, title)
        walk.nodes(_parse(body))
    except RecursionError as error:
        raise UnreadableFile(
            "This LaTeX file is nested too deeply to be read. Upload the PDF made from it."
        ) from error
    blocks = walk.flow.end()
    if not blocks:
        raise UnreadableFile(
            "This LaTeX file holds no text of its own; files that it \\inputs are not followed. Upload them one by one."
        )
    yield from in_parts(blocks, {"title": title} if title else {})


def _parse(source: str) -> list[LatexNode]:
    nodes: list[LatexNode] = LatexWalker(
        source, latex_context=_context(), tolerant_parsing=True
    ).get_latex_nodes()[0]
    return nodes


def _argument(node: LatexNode, index: int = -1) -> LatexNode | None:
    arguments = (node.nodeargd.argnlist if node.nodeargd is not None else None) or []
    return arguments[index] if arguments and -len(arguments) <= index < len(arguments) else None


def _inside(node: LatexNode | None) -> list[LatexNode]:
    if node is None:
        return []
    return list(node.nodelist) if isinstance(node, LatexGroupNode) else [node]


class _Walk:
    def __init__(self, code: Sequence[tuple[str, str]]) -> None:
        self.flow = Flow()
        self._code = code
        self._list: list[list[Any]] = []

    def title(self, source: str) -> str:
        if not (match := re.search(r"\\title\s*(?:\[[^\]]*\])?\s*(?=\{)", source)):
            return ""
        group = LatexWalker(source, latex_context=_context(), tolerant_parsing=True).get_latex_expression(
            match.end()
        )
        return self.text(_inside(group[0]))

    def text(self, nodes: Sequence[LatexNode]) -> str:
        """The inline text of nodes, apart from the flow."""
        walk = _Walk(self._code)
        walk.nodes(nodes)
        walk.flow.paragraph()
        return one_line(" ".join(block.text for block in walk.flow.end()))

    def nodes(self, nodes: Sequence[LatexNode]) -> None:
        for node in nodes:
            self.node(node)

    def node(self, node: LatexNode | None) -> None:
        flow = self.flow
        if node is None or isinstance(node, LatexCommentNode):
            return
        if isinstance(node, LatexCharsNode):
            for number, piece in enumerate(re.split(r"\n[ \t]*\n\s*", node.chars)):
                if number:
                    flow.paragraph()
                flow.say(piece)
        elif isinstance(node, LatexMathNode):
            source = _formula(node.latex_verbatim())
            if node.displaytype == "display":
                flow.add("formula", f"$${source}$$", _label(node.latex_verbatim()))
            elif source:
                flow.say(f"${source}$")
        elif isinstance(node, LatexGroupNode):
            self.nodes(node.nodelist)
        elif isinstance(node, LatexEnvironmentNode):
            self._environment(node)
        elif isinstance(node, LatexMacroNode):
            self._macro(node)
        elif isinstance(node, LatexSpecialsNode):
            if node.specials_chars.strip():
                flow.say(_plain().nodelist_to_text([node]) if node.specials_chars != "~" else " ")
            else:
                flow.paragraph()

    def _macro(self, node: LatexMacroNode) -> None:
        name, flow = node.macroname, self.flow
        if name in SECTIONS:
            title = self.text(_inside(_argument(node)))
            flow.heading(SECTIONS[name], title)
        elif name == "label":
            self._labelled(node)
        elif name in ("frametitle", "framesubtitle"):
            flow.heading(4 if name == "frametitle" else 5, self.text(_inside(_argument(node))))
        elif name == "lyceumcode":
            language, source = self._code[int(self.text(_inside(_argument(node))) or 0)]
            flow.add("code", code_text(source), **({"language": language} if language else {}))
        elif name == "item":
            self._item(node)
        elif name in ("texttt", "verb", "lstinline"):
            verbatim = re.sub(
                r"^\\(verb\*?|lstinline)(.)(.*)\2$", r"\3", node.latex_verbatim(), flags=re.DOTALL
            )
            flow.say(code_span(self.text(_inside(_argument(node))) if name == "texttt" else verbatim))
        elif name in ("footnote", "footnotetext"):
            flow.say(f" ({self.text(_inside(_argument(node)))})")
        elif name in TRANSPARENT:
            self.nodes(_inside(_argument(node)))
        elif name in ("cite", "citep", "citet", "parencite", "textcite"):
            flow.say(f"[{self.text(_inside(_argument(node)))}]")
        elif name in ("ref", "eqref", "autoref", "cref", "Cref", "pageref"):
            flow.say(self.text(_inside(_argument(node))).partition(":")[2] or "")
        elif name in ("\\", "newline", "linebreak"):
            flow.say(BREAK)
        elif name == "par":
            flow.paragraph()
        elif name not in SILENT:
            text = _plain().nodelist_to_text([node])
            flow.say(text + (" " if node.macro_post_space and text and text[-1:].isalnum() else ""))

    def _labelled(self, node: LatexMacroNode) -> None:
        label, blocks = self.text(_inside(_argument(node))), self.flow.blocks
        if label and blocks and blocks[-1].kind == "heading" and not self.flow.spoken_so_far():
            self.flow.headings.id = label
            last = blocks.pop()
            blocks.append(
                type(last)(last.kind, last.text, {**last.anchor, "id": label}, last.level, last.data)
            )

    def _item(self, node: LatexMacroNode) -> None:
        if not self._list:
            return
        state = self._list[-1]
        state[1] += 1
        self.flow.item(f"{state[1]}. " if state[0] == "1" else "- ")
        if (term := _argument(node)) is not None:
            self.flow.say(self.text(_inside(term)) + ": ")

    def _environment(self, node: LatexEnvironmentNode) -> None:
        name, flow = node.environmentname.rstrip("*"), self.flow
        if name in FORMULAS:
            source = node.latex_verbatim()
            inner = source[source.index("}") + 1 : source.rindex("\\end")]
            if name == "alignat":
                inner = re.sub(r"^\s*\{\d+\}", "", inner)
            inner = _formula(inner)
            if name in ALIGNED:
                inner = rf"\begin{{{ALIGNED[name]}}}{inner}\end{{{ALIGNED[name]}}}"
            if name == "math":
                flow.say(f"${inner}$")
            else:
                flow.add("formula", f"$${inner}$$", _label(source))
        elif name in LISTS:
            flow.open_list()
            self._list.append([LISTS[name], 0])
            self.nodes(node.nodelist)
            self._list.pop()
            flow.close_list()
        elif name in ("tabular", "tabularx", "tabulary", "longtable"):
            self._table(node, "")
        elif name in ("figure", "table", "wrapfigure", "subfigure"):
            self._float(node, name)
        elif name in THEOREMS:
            flow.paragraph()
            title = self.text(_inside(_argument(node)))
            flow.say(f"{name.capitalize()}{f' ({title})' if title else ''}. ")
            self.nodes(node.nodelist)
            flow.paragraph()
        elif name == "frame":
            self._frame(node)
        elif name in ("tikzpicture", "comment", "thebibliography", "filecontents"):
            flow.paragraph()
        else:
            flow.paragraph()
            self.nodes(node.nodelist)
            flow.paragraph()

    def _frame(self, node: LatexEnvironmentNode) -> None:
        nodes = list(node.nodelist)
        while (
            nodes
            and isinstance(nodes[0], LatexCharsNode)
            and (not nodes[0].chars.strip() or nodes[0].chars[:1] == "[")
        ):
            nodes.pop(0)
        if nodes and isinstance(nodes[0], LatexGroupNode):
            self.flow.heading(4, self.text(nodes.pop(0).nodelist))
        self.nodes(nodes)
        self.flow.paragraph()

    def _float(self, node: LatexEnvironmentNode, name: str) -> None:
        captions = [self.text(_inside(_argument(n))) for n in _all(node) if _is_macro(n, "caption")]
        label, caption = _label(node.latex_verbatim()), "\n".join(captions)
        tables = [
            n
            for n in _all(node)
            if isinstance(n, LatexEnvironmentNode) and n.environmentname.startswith("tabul")
        ]
        for table in tables:
            self._table(table, caption, label)
        code = [n for n in _all(node) if _is_macro(n, "lyceumcode")]
        self.nodes(code)
        if not tables and caption:
            pictures = re.findall(r"\\includegraphics(?:\[[^\]]*\])?\{([^}]*)\}", node.latex_verbatim())
            source = pictures[0].rpartition("/")[2] if pictures else ""
            self.flow.add("figure", caption, label, **({"source": source} if source else {}))

    def _table(self, node: LatexEnvironmentNode, caption: str, label: str = "") -> None:
        rows: list[list[list[LatexNode]]] = [[[]]]
        for part in node.nodelist:
            if isinstance(part, LatexSpecialsNode) and part.specials_chars == "&":
                rows[-1].append([])
            elif _is_macro(part, "\\") or _is_macro(part, "tabularnewline"):
                rows.append([[]])
            elif isinstance(part, LatexCharsNode) and "&" in part.chars:
                first, *rest = part.chars.split("&")
                rows[-1][-1].append(LatexCharsNode(chars=first))
                rows[-1] += [[LatexCharsNode(chars=chars)] for chars in rest]
            else:
                rows[-1][-1].append(part)
        text = "\n\n".join(
            filter(None, [caption, markdown_table([[self.text(cell) for cell in row] for row in rows])])
        )
        self.flow.add("table", text, label, **({"caption": caption} if caption else {}))


def _is_macro(node: LatexNode, name: str) -> bool:
    return isinstance(node, LatexMacroNode) and node.macroname == name


def _all(node: LatexNode) -> Iterator[LatexNode]:
    for part in getattr(node, "nodelist", None) or []:
        if part is not None:
            yield part
            yield from _all(part)


def _label(source: str) -> str:
    match = re.search(r"\\label\{([^}]*)\}", source)
    return match[1] if match else ""


def _formula(source: str) -> str:
    """A formula's source without its delimiters, labels and blank lines."""
    source = re.sub(r"\\label\{[^}]*\}|\\nonumber|\\notag", "", source).strip()
    for opening, closing in (("$$", "$$"), ("$", "$"), (r"\[", r"\]"), (r"\(", r"\)")):
        if source.startswith(opening) and source.endswith(closing) and len(source) >= len(opening) * 2:
            source = source[len(opening) : -len(closing)]
            break
    return re.sub(r"\s*\n\s*", " ", source).strip()
