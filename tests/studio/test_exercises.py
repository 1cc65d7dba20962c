"""Coding exercises: good ones are kept, bad ones are not, whatever they try."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.llm.scripted import Answer, Scripted
from tutor.studio.exercises import python_mutants, verilog_mutants
from tutor.studio.exercises.repairing import repaired
from tutor.studio.exercises.running import Language, Verdict, run
from tutor.studio.exercises.verifying import Exercise, Result, verify
from tutor.studio.exercises.weakening import weaker
from tutor.studio.sandbox import Limits

pytestmark = pytest.mark.usefixtures("sandboxed")

ADD = "def add(a, b):\n    return a + b\n"
ADD_TESTS = "def test_sums():\n    assert add(1, 2) == 3\n    assert add(0, 5) == 5\n"
SORT = (
    "def bubble(xs):\n    xs = list(xs)\n    for i in range(len(xs)):\n        for j in range(len(xs) - 1 - i):\n"
    "            if xs[j] > xs[j + 1]:\n                xs[j], xs[j + 1] = xs[j + 1], xs[j]\n    return xs\n"
)
COUNTER = """
module counter(input clk, input rst, output reg [3:0] q);
  always @(posedge clk) begin
    if (rst) q <= 4'b0000;
    else if (q == 4'd9) q <= 0;
    else q <= q + 1;
  end
endmodule
"""
COUNTER_BENCH = """
module bench;
  reg clk = 0, rst = 1; wire [3:0] q; integer i, errors = 0;
  counter c(clk, rst, q);
  always #5 clk = ~clk;
  initial begin
    @(posedge clk); #1 rst = 0;
    if (q !== 0) errors = errors + 1;
    for (i = 1; i < 13; i = i + 1) begin
      @(posedge clk); #1;
      if (q !== i % 10) begin errors = errors + 1; $display("FAIL: %0d after %0d edges", q, i); end
    end
    if (errors == 0) $display("PASS");
    $finish;
  end
endmodule
"""


def planted(group: str) -> list[Any]:
    """The exercises of one group in tests/data/exercises.jsonl, each named by its id."""
    file = Path(__file__).parents[1] / "data" / "exercises.jsonl"
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    return [pytest.param(row, id=row["id"]) for row in rows if row["group"] == group]


def result_of(row: dict[str, Any]) -> Result:
    language = Language(row.get("language", Language.PYTHON))
    limits = Limits(seconds=row.get("seconds", 10))
    return verify(Exercise(row["id"], row["solution"], row["tests"], language), limits)


@pytest.mark.parametrize("row", planted("good"))
def test_a_good_exercise_is_kept(row: dict[str, Any]) -> None:
    result = result_of(row)
    assert result.passed, result.error
    assert 1 <= result.killed <= result.mutants


@pytest.mark.parametrize("row", planted("bad"))
def test_a_bad_exercise_is_refused(row: dict[str, Any]) -> None:
    result = result_of(row)
    assert not result.passed
    assert row["error"] in result.error


@pytest.mark.parametrize("row", planted("forged"))
def test_a_wrong_solution_cannot_make_itself_right(row: dict[str, Any]) -> None:
    verdict = run(row["solution"], row["tests"], limits=Limits(seconds=row.get("seconds", 10)))
    assert not verdict.passed


def test_a_function_of_the_tests_is_no_way_into_them() -> None:
    break_in = (
        "def apply(f, x):\n    for path in ('__globals__', '__code__', '__self__', 'gi_frame', '__class__'):\n        try:\n"
        "            getattr(f, path).update(__check__=lambda *a: True)\n        except Exception as error:\n"
        "            print(type(error).__name__)\n"
        "    return 99\n"
    )
    verdict = run(break_in, "def test_it():\n    assert apply(lambda x: x + 1, 1) == 2\n")
    assert not verdict.passed
    assert verdict.tests[0].error.startswith("line 2: assert apply")


def test_values_objects_and_calls_cross_in_both_directions() -> None:
    solution = (
        "import collections, datetime, decimal\n"
        "Point = collections.namedtuple('Point', 'x y')\n"
        "def echo(value):\n    return value\n"
        "def sort(xs):\n    xs.sort()\n    return xs\n"
        "def each(f, xs):\n    return [f(x) for x in xs]\n"
        "def count(n):\n    yield from range(n)\n"
        "def total(node):\n    s = 0\n    while node is not None:\n        s += node.value\n"
        "        node = node.next\n    return s\n"
        "def greet():\n    print('Hello', input('Who? '))\n"
        "def tomorrow(d):\n    return d + datetime.timedelta(days=1)\n"
        "def where():\n    return Point(1, 2)\n"
        "def tally(text):\n    return collections.Counter(text)\n"
    )
    tests = (
        "import datetime, decimal, io, math, pytest\nfrom contextlib import redirect_stdout\nimport solution\n"
        "@pytest.mark.parametrize('value', [None, True, 0, -1, 10**40, 1.5, math.inf, 'é\\ud800', b'x',\n"
        "    [1, [2]], (1,), {1: 'a', (2, 3): None},\n"
        "    {1, 2}, frozenset('ab'), 1j, range(3), decimal.Decimal('1.10'), datetime.date(2024, 2, 29)])\n"
        "def test_values(value):\n    got = echo(value)\n    assert got == value\n    assert type(got) is type(value)\n"
        "def test_changes_come_back():\n    xs = [3, 1, 2]\n    assert sort(xs) is xs\n    assert xs == [1, 2, 3]\n"
        "def test_functions():\n    assert each(lambda x: x * 2, [1, 2]) == [2, 4]\n    assert each(str, [1]) == ['1']\n"
        "    with pytest.raises(ZeroDivisionError):\n        each(lambda x: 1 / x, [0])\n"
        "def test_generators():\n    assert list(count(3)) == [0, 1, 2]\n    assert solution.count(2) is not None\n"
        "class Node:\n    def __init__(self, value, next=None):\n        self.value, self.next = value, next\n"
        "def test_objects():\n    assert total(Node(1, Node(2))) == 3\n"
        "def test_printing(capsys, monkeypatch):\n    monkeypatch.setattr('builtins.input', lambda prompt: 'Bo')\n    greet()\n"
        "    assert capsys.readouterr().out == 'Hello Bo\\n'\n"
        "def test_redirection():\n    import builtins\n    builtins.input = lambda *_: 'Al'\n    out = io.StringIO()\n"
        "    with redirect_stdout(out):\n        greet()\n    assert out.getvalue() == 'Hello Al\\n'\n"
        "def test_more():\n    assert tomorrow(datetime.date(2024, 2, 28)) == datetime.date(2024, 2, 29)\n\n"
        "    assert where() == (1, 2)\n"
        "    assert where().x == 1\n    assert tally('aab') == {'a': 2, 'b': 1}\n    assert [0.3] == pytest.approx([0.1 + 0.2])\n"
    )
    verdict = run(solution, tests)
    assert verdict.passed, verdict.error
    assert len(verdict.tests) == 18 + 7
    assert verdict.checks == 36 + 2 + 3 + 2 + 1 + 1 + 1 + 5


def test_a_failing_test_has_its_docstring_as_a_hint() -> None:
    verdict = run(
        "def add(a, b):\n    return a",
        "def test_sums():\n    'Both numbers count.'\n    assert add(1, 2) == 3\n",
    )
    assert [(test.name, test.passed, test.hint) for test in verdict.tests] == [
        ("test_sums", False, "Both numbers count.")
    ]


def test_what_fails_while_tests_are_set_up_is_reported() -> None:
    tests = (
        "import unittest\nclass Sums(unittest.TestCase):\n    @classmethod\n"
        "    def setUpClass(cls):\n        cls.sum = add(1, 2)\n"
        "    def test_it(self):\n        self.assertEqual(self.sum, 3)\n"
    )
    assert run(ADD, tests).passed
    verdict = run("def add(a, b):\n    return a / 0\n", tests)
    assert [test.error for test in verdict.tests] == [
        "The solution raised ZeroDivisionError: division by zero"
    ]


def test_mutants_are_the_same_each_time_and_none_is_the_solution() -> None:
    first = python_mutants.mutants(SORT)
    assert first == python_mutants.mutants(SORT)
    assert 5 < len(first) <= python_mutants.MOST
    assert len({text for _, text in first}) == len(first)
    assert SORT not in [text for _, text in first]


def test_annotations_and_docstrings_are_not_mutated() -> None:
    assert python_mutants.mutants("def f(x: 'int' = None) -> 'str':\n    'Words.'\n    pass\n") == []


# Verilog

SILENT = COUNTER_BENCH.replace('$display("PASS")', "errors = 0").replace(
    '$display("FAIL: %0d after %0d edges", q, i);', ""
)


@pytest.mark.parametrize(
    ("said", "passed"),
    [
        ("All tests passed", True), ("Test 3: PASS", True), ("Simulation OK", True), ("Errors: 0", True), ("0 mismatches", True),
        ("mismatched samples is 0 out of 200 samples", True), ("passed: 5, failed: 0", True), ("no errors found", True),
        ("mismatched samples is 10 out of 200 samples", False), ("Errors: 3", False), ("passed: 4, failed: 1", False),
        ("FAILED, though others passed", False), ("ERROR: bench.v:12:", False), ("wrong sum", False),
        ("done", False), ("", False), ("FAIL: 0 after 3 edges", False),
        ("mismatch: 0, expected 1", False), ("failed: 0 != 1", False), ("5 passed, 0 failed", True), ("error: 0", False),
        ("FAILED test 3, 0 errors in test 4", False),
    ],
)  # fmt: skip
def test_a_bench_is_understood_by_its_words(said: str, passed: bool) -> None:
    bench = f'module bench; initial begin $display("{said}"); $finish; end endmodule'
    assert run("module empty; endmodule", bench, "verilog").passed is passed


def test_verilog_is_mutated_where_it_says_something() -> None:
    changed = [text for _, text in verilog_mutants.mutants(COUNTER)]
    assert COUNTER.replace("posedge", "negedge") in changed
    assert COUNTER.replace("q + 1", "q - 1") in changed
    assert not any("[4:0]" in text or "[3:1]" in text for text in changed)


# Repair


WEAKER = {
    "dropped": "def test_sums():\n    assert add(1, 2) == 3\n",
    "made true": "def test_sums():\n    assert add(1, 2) == 3\n    assert True\n",
    "made true of anything": "def test_sums():\n    assert add(1, 2) == 3\n    assert add(0, 5) == add(0, 5)\n",
    "one twice": "def test_sums():\n    assert add(1, 2) == 3\n    assert add(1, 2) == 3\n",
    "narrowed": "def test_sums():\n    assert add(1, 2) == 3\n    assert add(0, 5) > 0\n",
    "types": "def test_sums():\n    assert add(1, 2) == 3\n    assert isinstance(add(0, 5), int)\n",
}


@pytest.mark.parametrize("name", WEAKER)
def test_a_revision_that_asks_for_less_is_seen(name: str) -> None:
    assert weaker(ADD_TESTS, WEAKER[name], Language.PYTHON)


def test_a_revision_may_correct_and_add() -> None:
    assert not weaker(ADD_TESTS.replace("== 3", "== 4"), ADD_TESTS, Language.PYTHON)
    assert not weaker(ADD_TESTS, f"{ADD_TESTS}    assert add(2, 2) == 4\n", Language.PYTHON)
    assert weaker(COUNTER_BENCH, SILENT, Language.VERILOG)


def written(solution: str, tests: str) -> Answer:
    return Answer(json.dumps({"solution": solution, "tests": tests}))


@pytest.mark.django_db(transaction=True)
def test_a_wrong_exercise_is_repaired_with_the_error_fed_back() -> None:
    wrong = Exercise("x", "def add(a, b):\n    return a - b\n", ADD_TESTS)
    with Scripted(
        written(ADD, WEAKER["dropped"]), written("def add(a, b): return", ADD_TESTS), written(ADD, ADD_TESTS)
    ) as server:
        exercise, result = repaired(wrong, server.endpoint(capable=True))
        asked = [request.body["messages"][0]["content"] for request in server.requests()]
    assert result.passed
    assert result.attempts == 4
    assert exercise.solution == ADD
    assert "the left side was -1, the right side 3" in asked[0]
    assert "no check may be dropped" in asked[1]
    assert "the left side was None" in asked[2]


@pytest.mark.django_db(transaction=True)
def test_repair_ends_after_five_versions() -> None:
    wrong = Exercise("x", "def add(a, b):\n    return a - b\n", ADD_TESTS)
    with Scripted(written(wrong.solution, ADD_TESTS)) as server:
        _, result = repaired(wrong, server.endpoint(capable=True))
        assert len(server.requests()) == 4
    assert not result.passed
    assert result.attempts == 5


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_fails_leaves_the_exercise_as_it_was() -> None:
    wrong = Exercise("x", "def add(a, b):\n    return a - b\n", ADD_TESTS)
    with Scripted(Answer(status=401, error="no such key")) as server:
        exercise, result = repaired(wrong, server.endpoint(capable=True))
    assert exercise == wrong
    assert not result.passed
    assert "could not be repaired" in result.error


# The command


def lines(path: Path, *rows: dict[str, object]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.mark.django_db
def test_the_command_prints_one_object_a_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = lines(
        tmp_path / "exercises.jsonl",
        {"id": 7, "solution": ADD, "tests": ADD_TESTS, "prompt": "Add."},
        {"id": "v", "language": "verilog", "solution": COUNTER, "tests": SILENT},
    )
    kept = tmp_path / "kept.jsonl"
    call_command("exercises", "verify", str(file), "--json", "--kept", str(kept))
    first, second = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert first == {"id": 7, "passed": True, "mutants": 3, "killed": 3, "attempts": 1, "error": ""}
    assert second["passed"] is False
    assert "reports nothing" in second["error"]
    assert [json.loads(line)["id"] for line in kept.read_text().splitlines()] == [7]


@pytest.mark.django_db
def test_the_command_repairs_only_through_a_capable_endpoint(tmp_path: Path) -> None:
    file = lines(tmp_path / "exercises.jsonl", {"id": 1, "solution": ADD, "tests": ADD_TESTS})
    with pytest.raises(CommandError, match="not trusted to write programs"):
        call_command("exercises", "verify", str(file), "--repair")


@pytest.mark.django_db
def test_a_line_that_cannot_be_used_says_so_and_the_rest_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = json.dumps({"id": "last", "solution": ADD, "tests": ADD_TESTS})
    given = {
        "not json": "is not JSON",
        '{"id": 1, "solution": "x = 1"}': "tests missing",
        "[1]": "is not an object",
        '{"id": 2, "solution": 5, "tests": "x"}': "solution is not a text",
        '{"id": 3, "solution": "x", "tests": "x", "language": "cobol"}': "cobol",
        '{"id": 4, "solution": ' + "[" * 100_000: "nested too deeply",
        '{"id": 5, "solution": "x = \\ud800", "tests": "assert x"}': "could not be loaded",
    }
    file = tmp_path / "exercises.jsonl"
    file.write_bytes(("\ufeff" + "\n".join([*given, "", good])).encode() + b"\n\xff\n")
    call_command("exercises", "verify", str(file), "--json")
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for row, words in zip(rows, [*given.values(), "", "is not JSON"], strict=True):
        assert row.keys() == {"id", "passed", "mutants", "killed", "attempts", "error"}
        assert words in row["error"]
    assert [row["id"] for row in rows if row["passed"]] == ["last"]
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("exercises", "verify", str(tmp_path / "none.jsonl"))


def test_a_verdict_counts_its_checks() -> None:
    assert Verdict(True).checks == 0
