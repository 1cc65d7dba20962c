"""`python -m bench [MODULE …]`: run the benchmarks, print a table, write JSON to var/bench/.

Each module that has `figures()` runs in a process of its own, so that none measures what another left in memory.
"""

from __future__ import annotations

import ast
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from importlib import import_module
from pathlib import Path

from bench.figures import Figure

HERE = Path(__file__).parent
ROOT = HERE.parent


def modules() -> list[str]:
    """The names of the modules that measure something."""

    def measures(path: Path) -> bool:
        tree = ast.parse(path.read_text())
        return any(isinstance(node, ast.FunctionDef) and node.name == "figures" for node in tree.body)

    return sorted(path.stem for path in HERE.glob("*.py") if measures(path))


def measure(name: str) -> None:
    """In the child: run one module and print its figures as JSON lines."""
    import django

    django.setup()
    for figure in import_module(f"bench.{name}").figures():
        print(json.dumps(asdict(figure)), flush=True)


def collect(name: str) -> list[Figure]:
    """Run one module in a process of its own with an empty data folder; show each figure as it comes."""
    found = []
    with tempfile.TemporaryDirectory(prefix="lyceum-bench-") as folder:
        environment = {
            **os.environ,
            "LYCEUM_DATA": folder,
            "DJANGO_SETTINGS_MODULE": "tutor.settings",
            "LOG_LEVEL": "WARNING",
        }
        command = [sys.executable, "-m", "bench", "--measure", name]
        with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as child:
            assert child.stdout is not None
            for line in child.stdout:
                if not line.startswith("{"):
                    print(line, end="", file=sys.stderr)
                    continue
                figure = Figure(**json.loads(line))
                found.append(figure)
                show(name, figure)
        if child.returncode:
            show(name, Figure("stopped with an error, exit code", child.returncode, at_most=0))
            found.append(Figure("exit code", child.returncode, at_most=0))
    return found


def show(module: str, figure: Figure) -> None:
    """Print one row of the table."""
    verdict = {True: "held", False: "NOT HELD", None: ""}[figure.held]
    value = f"{figure.value:,.3f}".rstrip("0").rstrip(".")
    print(
        f"{module:<12} {figure.name:<64} {value:>12} {figure.unit:<12} {figure.promise:<16} {verdict}",
        flush=True,
    )


def main(names: list[str]) -> int:
    """Run the named modules, or all; 1 if a promise was not held."""
    began = time.time()
    results = {name: collect(name) for name in names or modules()}
    machine = {"cores": os.cpu_count(), "machine": platform.machine(), "python": platform.python_version()}
    target = ROOT / "var" / "bench" / time.strftime("%Y%m%d-%H%M%S.json", time.gmtime(began))
    target.parent.mkdir(parents=True, exist_ok=True)
    listed = {name: [{**asdict(f), "held": f.held} for f in figures] for name, figures in results.items()}
    target.write_text(json.dumps({"machine": machine, "figures": listed}, indent=1))
    print(f"written to {target.relative_to(ROOT)}")
    return int(any(figure.held is False for figures in results.values() for figure in figures))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--measure"]:
        measure(sys.argv[2])
    else:
        sys.exit(main(sys.argv[1:]))
