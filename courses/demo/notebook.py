"""A Jupyter notebook from a Python file with `# %%` cells, run so that its outputs are real."""

from __future__ import annotations

import io
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

import nbformat
import nbformat.v4 as nb


def write(source: Path, path: Path) -> None:
    """Run the cells in order and write the notebook with what they printed."""
    cells = []
    scope: dict[str, Any] = {"__name__": "__main__"}
    count = 0
    for number, cell in enumerate(source.read_text().split("# %%")[1:], 1):
        head, _, body = cell.partition("\n")
        if "[markdown]" in head:
            text = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.strip().splitlines())
            cells.append(nb.new_markdown_cell(text, id=f"cell-{number}"))
            continue
        code = body.strip()
        printed = io.StringIO()
        with redirect_stdout(printed):
            exec(compile(code, str(source.name), "exec"), scope)
        count += 1
        said = printed.getvalue()
        outputs = [nb.new_output("stream", name="stdout", text=said)] if said else []
        cells.append(nb.new_code_cell(code, id=f"cell-{number}", execution_count=count, outputs=outputs))
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nb.new_notebook(cells=cells, metadata=kernel), path)
