"""Builds the demo's files from their sources: `make demo-files`.

Needs the `demo` extra of pyproject.toml, and Debian's flite and fonts-lato.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from courses.demo import deck, notebook, pdf, speech
from courses.demo.slides import read_slides

HERE = Path(__file__).parent
SOURCES, BUILT = HERE / "sources", HERE / "built"
AUTHOR = "The Lyceum demo course"


def build() -> None:
    """Write every file of the demo into `built/`."""
    BUILT.mkdir(exist_ok=True)
    pdf.write(
        read_slides(SOURCES / "lecture-1-repeating-a-measurement.slides.md"),
        BUILT / "lecture-1-repeating-a-measurement.pdf",
        "Lecture 1: Why we repeat a measurement",
        AUTHOR,
    )
    deck.write(
        read_slides(SOURCES / "lecture-2-smoothing-a-signal.slides.md"),
        BUILT / "lecture-2-smoothing-a-signal.pptx",
        "Lecture 2: Smoothing a signal that changes",
        AUTHOR,
    )
    samples, cues = speech.speak(speech.read_speech(SOURCES / "lecture-3-outliers.speech.txt"))
    speech.write_opus(samples, BUILT / "lecture-3-outliers.ogg")
    speech.write_vtt(cues, BUILT / "lecture-3-outliers.vtt")
    notebook.write(SOURCES / "simulation.notebook.py", BUILT / "simulation.ipynb")
    for name in ("notes-propagation.md", "problem-sheet.md", "problem-sheet-answers.md"):
        shutil.copyfile(SOURCES / name, BUILT / name)
    for path in sorted(BUILT.iterdir()):
        print(f"{path.stat().st_size / 1000:8.0f} kB  {path.name}")


if __name__ == "__main__":
    build()
