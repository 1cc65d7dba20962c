"""Runs a Verilog design against its test bench with Icarus Verilog.

The bench has to say what it found: it passes if it prints at least one line with PASS (or PASSED, OK, "0 errors") and none
with FAIL, ERROR, MISMATCH, WRONG or INCORRECT, and ends by itself. One that prints nothing has not passed. A design must not
print, stop the simulation, read files or reach into the bench, so that those lines are the bench's own.
"""

from __future__ import annotations

import itertools
import re
import shutil
from typing import NamedTuple

from tutor.studio import sandbox
from tutor.studio.exercises.running import Test, Verdict
from tutor.studio.sandbox import Limits, Outcome, Part, Profile, SandboxMissing

COMPILED = 4_000  # kB, the largest simulation that is run
SHOWN = 2_000

GOOD = re.compile(r"\b(?:pass(?:ed|es)?|ok)\b", re.IGNORECASE)
BAD = re.compile(r"\b(?:fail(?:ed|s|ure|ures)?|errors?|mismatch(?:es|ed)?|wrong|incorrect)\b", re.IGNORECASE)
# a count of nothing wrong; "FAIL: 0 after 3 edges" and "mismatch: 0, expected 1" are none
NONE = re.compile(
    r"\b(?:0|no|zero|without)\s+(?:test\w*\s+)?(?:failed|failures?|errors?|mismatch\w*)"
    r"|\b(?:failed|failures|errors|mismatches|mismatched)(?:\s+samples)?(?:\s*[:=]\s*|\s+(?:is|are)\s+)0(?=\s*(?:$|[,;.)/]|out\b|of\b))",
    re.IGNORECASE,
)
COMPARES = re.compile(r"expected|instead|should|\bgot\b|!=", re.IGNORECASE)
TOKEN = re.compile(
    r"""(?P<blank>\s+|//[^\n]*|/\*.*?(?:\*/|\Z))|(?P<text>"(?:\\.|[^"\\\n])*")|(?P<escaped>\\\S+)|(?P<system>\$\w+)"""
    r"""|(?P<directive>`+\w*)|(?P<number>(?:\d[\d_]*)?\s*'\s*[sS]?[bodhBODH]\s*[0-9a-fA-FxXzZ?_]+|\d[\d_]*(?:\.\d+)?(?:[eE][+-]?\d+)?)"""
    r"""|(?P<word>[A-Za-z_][\w$]*)|(?P<sign><<<|>>>|===|!==|==|!=|<=|>=|&&|\|\||<<|>>|~\^|\^~|~&|~\||\*\*|->|::|.)""",
    re.DOTALL,
)
FUNCTIONS = {
    "$clog2", "$signed", "$unsigned", "$bits", "$size", "$high", "$low", "$left", "$right", "$countones", "$onehot", "$onehot0",
    "$isunknown", "$time", "$realtime", "$stime", "$rtoi", "$itor", "$pow", "$floor", "$ceil", "$sqrt",
}  # fmt: skip
DIRECTIVES = {
    "`timescale",
    "`default_nettype",
    "`define",
    "`undef",
    "`ifdef",
    "`ifndef",
    "`else",
    "`elsif",
    "`endif",
    "`resetall",
}


class Token(NamedTuple):
    """A piece of Verilog: kind is one of TOKEN's groups, start its place in the text."""

    kind: str
    text: str
    start: int


def tokens(source: str) -> list[Token]:
    """The source's pieces, without blanks and comments."""
    found = [Token(str(match.lastgroup), match.group(), match.start()) for match in TOKEN.finditer(source)]
    return [token for token in found if token.kind != "blank"]


def forbidden(design: str) -> str:
    """What a design does that only a test bench may, as the end of "The design may not …"; "" if nothing."""
    found = tokens(design)
    defined = {f"`{after.text}" for token, after in itertools.pairwise(found) if token.text == "`define"}
    for before, token, after in zip([None, *found], found, [*found[1:], None], strict=False):
        if token.kind == "system" and token.text not in FUNCTIONS:
            return f"use {token.text}: printing, stopping and files are the test bench's"
        if token.kind == "directive" and token.text not in DIRECTIVES | defined:
            return f"use {token.text}"
        if token.text in ("bind", "force", "release", "defparam"):
            return f"use {token.text}"
        if token.text == "." and before is not None and after is not None:
            inside = before.kind in ("word", "escaped", "directive") or before.text in ("]", "`")
            if inside and after.kind in ("word", "escaped", "directive"):
                return f"use the hierarchical name {before.text}.{after.text}"
    return ""


def run(design: str, bench: str, limits: Limits) -> Verdict:
    """The verdict of the bench on the design."""
    deed = forbidden(design)
    if deed:
        return Verdict(False, error=f"The design may not {deed}.", broken=True)
    compiled = _compile(design, bench)
    if isinstance(compiled, Verdict):
        return compiled
    part = Part("/usr/bin/vvp", ["-n", f"{sandbox.BOX}/simulation"], {"simulation": compiled})
    return _verdict(sandbox.run([part], limits)[0], limits)


def _compile(design: str, bench: str) -> bytes | Verdict:
    """The simulation, or why there is none."""
    compiler = shutil.which("iverilog", path="/usr/bin")
    if not compiler:
        raise SandboxMissing(
            "Verilog exercises need Icarus Verilog, and there is no /usr/bin/iverilog here. Install it (Debian, Ubuntu: "
            "apt-get install iverilog), then try again."
        )
    # what the design defines must not change the meaning of the bench
    names = re.findall(r"`define\s+(\w+)", design)
    after = "\n".join(["`resetall", *(f"`undef {name}" for name in names), ""])
    files = {"design.v": design.encode(), "between.v": after.encode(), "bench.v": bench.encode()}
    sources = [f"{sandbox.BOX}/{name}" for name in files]
    part = Part(compiler, ["-g2012", "-o", "simulation", *sources], files)
    # the compiler is a chain of programs, and leaves its result where only they could see it
    shell = Part(
        "/bin/sh",
        ["-c", '"$@" >&2 && exec /bin/cat simulation', "sh", part.program, *part.arguments],
        files,
        profile=Profile(processes=True),
    )
    outcome = sandbox.run([shell], Limits(output=COMPILED))[0]
    if outcome.over:
        return Verdict(
            False,
            error=f"Compiling it went over the limit of {outcome.over}.",
            over=outcome.over,
            broken=True,
        )
    if outcome.code != 0:
        said = outcome.err.decode(errors="replace").replace(f"{sandbox.BOX}/", "").strip()
        return Verdict(False, error=f"It does not compile: {said[:600]}", broken=True)
    return outcome.out


def _verdict(outcome: Outcome, limits: Limits) -> Verdict:
    printed = outcome.out.decode(errors="replace")
    if outcome.over == "time":
        return Verdict(
            False,
            error=f"The simulation did not end within {limits.seconds:g} seconds. Does the bench call $finish?",
            over="time",
        )
    if outcome.over:
        return Verdict(
            False, error=f"The simulation went over the limit of {outcome.over}.", over=outcome.over
        )
    found = []
    for line in printed.splitlines():
        rest = line if COMPARES.search(line) else NONE.sub("", line)
        if BAD.search(rest):
            found.append(Test(line.strip()[:120], False, 1, True, line.strip()[:400]))
        elif rest != line or GOOD.search(rest):
            found.append(Test(line.strip()[:120], True, 1))
    wrong = next((test for test in found if not test.passed), None)
    error = ""
    if wrong is not None:
        error = f"The test bench reports: {wrong.name}"
    elif outcome.code != 0:
        said = outcome.err.decode(errors="replace").strip()[-300:]
        error = f"The simulation ended with status {outcome.code}. {said}".strip()
    elif not found:
        error = "The test bench reports nothing: it has to print PASS where its checks hold and FAIL where one does not."
    return Verdict(not error, found, error, printed=printed[:SHOWN], seconds=outcome.seconds)
