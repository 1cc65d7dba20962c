"""Hostile, damaged and merely strange files end in a sentence for the person, and harm nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest

from courses import parsing
from courses.parsing import Limits, limits_for, parse
from courses.readers import READERS, Block, UnreadableFile, kind_of
from tests.courses import reader_files as files


def read(path: Path, kind: str = "", limits: Limits | None = None) -> list[Block]:
    kind = kind or kind_of(path, path.name)
    return [
        block for part in parse(path, kind, path.parent / "assets", limits=limits) for block in part.blocks
    ]


def refusal(path: Path, kind: str = "", limits: Limits | None = None) -> str:
    with pytest.raises(UnreadableFile) as caught:
        read(path, kind, limits)
    message = str(caught.value)
    assert message.endswith(".")
    assert str(path) not in message
    return message


def said(path: Path, kind: str = "") -> str:
    """The refusal of a file, or its text: either will do, but nothing else."""
    try:
        return " ".join(block.text for block in read(path, kind))
    except UnreadableFile as error:
        return str(error)


def children() -> set[str]:
    """The reading processes that this process has started and that are alive."""
    found = subprocess.run(
        ["ps", "--ppid", str(os.getpid()), "-o", "pid=,args="], capture_output=True, text=True
    )
    return {line.split()[0] for line in found.stdout.splitlines() if "parsing_child" in line}


def test_a_child_reads_what_the_reader_reads(tmp_path: Path) -> None:
    path = files.docx(tmp_path / "a.docx")
    blocks = read(path)
    assert blocks[0].text == "Robust statistics"
    assert [entry.suffix for entry in (tmp_path / "assets").iterdir()] == [".png"]
    assert not children()


def test_the_child_starts_without_django_or_torch(tmp_path: Path) -> None:
    code = (
        "import sys, courses.parsing_child, courses.readers.markdown, courses.readers.cnxml, courses.readers.pdf\n"
        "heavy = {'django', 'torch', 'numpy', 'celery', 'rapidocr', 'faster_whisper', 'pptx', 'docx'} & set(sys.modules)\n"
        "sys.exit(f'imported: {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_parts_come_while_the_file_is_read_and_closing_ends_the_child(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[(f"Page {n} of many", 12.0)] for n in range(400)])
    parts = parse(path, "pdf", tmp_path / "assets")
    first = next(parts)
    assert first.done < 0.01
    assert len(children()) == 1
    parts.close()
    assert not children()


def test_the_child_gets_no_secrets_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "hidden")
    monkeypatch.setenv("DATABASE_URL", "postgres://hidden")
    waiting = tmp_path / "a"
    os.mkfifo(waiting)  # nobody writes to it, so that the child stays while it is looked at
    job = {"path": str(waiting), "kind": "text", "assets": "x", "limits": vars(limits_for("text"))}
    with parsing._child(job) as (process, _):
        environment = Path(f"/proc/{process.pid}/environ").read_bytes()
    assert b"PATH=" in environment
    assert b"hidden" not in environment


def test_the_child_dies_with_its_parent(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[(f"Page {n}", 12.0)] for n in range(2000)])
    code = (
        "import sys, pathlib, os; from courses.parsing import parse\n"
        f"parts = parse(pathlib.Path({str(path)!r}), 'pdf', pathlib.Path({str(tmp_path / 'assets')!r})); next(parts)\n"
        "import subprocess; me = str(os.getpid())\n"
        "print(subprocess.run(['ps', '--ppid', me, '-o', 'pid=,args='], capture_output=True, text=True).stdout, flush=True)\n"
        "os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    (pid,) = [int(line.split()[0]) for line in done.stdout.splitlines() if "parsing_child" in line]
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and "Z" not in Path(f"/proc/{pid}/stat").read_text().split()[2]:
        assert time.monotonic() < deadline, "the child lives on"
        os.sched_yield()


# limits


def test_too_much_memory(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("word " * 8_000_000)
    assert "memory" in refusal(path, limits=replace(limits_for("text"), memory=150))


def test_too_long_without_a_part(tmp_path: Path) -> None:
    path = files.pdf(tmp_path / "a.pdf", [[("Hello", 12.0)]])
    assert "took too long" in refusal(path, limits=replace(limits_for("pdf"), silence=0.01))
    assert not children()


def test_too_much_processor_time(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text("\n\n".join(f"Paragraph *{n}* of `many`" for n in range(120_000)))
    assert "took too long" in refusal(path, limits=replace(limits_for("markdown"), cpu=1))


def test_too_much_text(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Many words in a file.\n\n" * 100_000)
    assert "more than 1 MB of text" in refusal(path, limits=replace(limits_for("text"), output=1))


def test_every_kind_has_limits() -> None:
    for kind in READERS:
        limits = limits_for(kind)
        assert 0 < limits.memory <= 8_000
        assert 0 < limits.silence <= limits.seconds


# bombs and traps


@pytest.mark.parametrize("suffix", [".docx", ".pptx"])
def test_zip_bombs(tmp_path: Path, suffix: str) -> None:
    good = files.docx(tmp_path / "good.docx") if suffix == ".docx" else files.pptx(tmp_path / "good.pptx")
    assert "unpacks to far more" in refusal(files.zip_bomb(good, tmp_path / f"bad{suffix}"))


def test_a_zip_that_lies_about_sizes(tmp_path: Path) -> None:
    bomb = files.zip_bomb(files.docx(tmp_path / "good.docx"), tmp_path / "bad.docx", megabytes=200)
    data = bytearray(bomb.read_bytes())
    for marker, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        at = -1
        while (at := data.find(marker, at + 1)) >= 0:
            if int.from_bytes(data[at + offset : at + offset + 4], "little") > 100_000_000:
                data[at + offset : at + offset + 4] = (1000).to_bytes(4, "little")
    bomb.write_bytes(data)
    assert refusal(bomb)


def test_too_many_entries(tmp_path: Path) -> None:
    good = files.docx(tmp_path / "good.docx")
    bad = files.rewritten(good, tmp_path / "bad.docx", {f"word/x{n}.xml": b"" for n in range(20_001)})
    assert "parts" in refusal(bad)


def test_pdf_with_nested_filters_that_grow(tmp_path: Path) -> None:
    path = files.nested_filter_pdf(tmp_path / "a.pdf")
    assert path.stat().st_size < 100_000
    assert refusal(path, limits=replace(limits_for("pdf"), memory=500))


def test_a_picture_of_billions_of_pixels_does_not_stop_the_page(tmp_path: Path) -> None:
    (block,) = read(files.pixel_bomb_pdf(tmp_path / "a.pdf"))
    assert block.text == "The text beside the picture is read all the same."


def test_billion_laughs_in_cnxml(tmp_path: Path) -> None:
    path = tmp_path / "index.cnxml"
    path.write_bytes(files.entity_bomb("document", "http://cnx.rice.edu/cnxml"))
    assert "entities" in refusal(path, "cnxml")


def test_xml_never_reads_other_files(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("the secret")
    path = tmp_path / "index.cnxml"
    path.write_text(
        f'<!DOCTYPE document [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
        '<document xmlns="http://cnx.rice.edu/cnxml"><content><para>&x;</para></content></document>'
    )
    assert "entities" in refusal(path, "cnxml")


@pytest.mark.parametrize("part", ["word/document.xml", "docProps/core.xml", "word/_rels/document.xml.rels"])
def test_entities_in_a_document_are_refused(tmp_path: Path, part: str) -> None:
    bad = files.rewritten(
        files.docx(tmp_path / "good.docx"), tmp_path / "bad.docx", {part: files.entity_bomb()}
    )
    assert "entities" in refusal(bad)


def test_html_loads_nothing_and_survives_depth(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        '<!doctype html><img src="file:///etc/passwd" alt="a photo"><p>Kept.</p>' + "<div>" * 50_000 + "deep"
    )
    assert "Kept." in [block.text for block in read(path)]


@pytest.mark.parametrize("kind", ["markdown", "latex", "text", "html"])
def test_nesting_without_end(tmp_path: Path, kind: str) -> None:
    sources = {
        "markdown": "> " * 20_000 + "deep\n\n" + "[" * 20_000 + "\n\nEnd.",
        "latex": r"\begin{document}" + "{" * 20_000 + "deep" + "}" * 20_000,
        "html": "<b>" * 100_000 + "deep",
        "text": "(" * 500_000,
    }
    path = tmp_path / "a"
    path.write_text(sources[kind])
    assert said(path, kind)


def test_a_huge_table_is_read_or_refused_in_time(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    row = "<tr>" + '<td colspan="1000000000">x</td>' * 40 + "</tr>"
    path.write_text("<!doctype html><table>" + row * 200 + "</table><p>After it.</p>")
    assert read(path)[-1].text == "After it."


@pytest.mark.parametrize("kind", sorted(READERS))
def test_noise_is_refused_by_every_reader(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(range(256)) * 40)
    if kind == "media":
        pytest.importorskip("faster_whisper")
    assert refusal(path, kind)


@pytest.mark.parametrize("suffix", ["docx", "pptx", "pdf"])
@pytest.mark.parametrize("share", [0.3, 0.9])
def test_files_that_break_off(tmp_path: Path, suffix: str, share: float) -> None:
    make = {"docx": files.docx, "pptx": files.pptx, "pdf": files.figure_pdf}[suffix]
    path = make(tmp_path / f"a.{suffix}")
    data = path.read_bytes()
    path.write_bytes(data[: int(share * len(data))])
    message = said(path)
    assert "damaged" in message or suffix == "pdf"  # pdfium repairs what it can


def test_pictures_cannot_leave_the_folder_of_assets(tmp_path: Path) -> None:
    from courses.readers.figures import Figures

    folder = tmp_path / "assets"
    asset = Figures(folder).save(files.picture(), "../../outside\0/x")
    assert asset is not None
    assert [entry.name for entry in folder.iterdir()] == [asset.name]
    assert list(tmp_path.iterdir()) == [folder]


def test_no_text_comes_with_what_a_database_refuses(tmp_path: Path) -> None:
    path = tmp_path / "a.ipynb"
    cell = {"cell_type": "markdown", "source": "A\x00 lone \ud800 surrogate"}
    path.write_text(json.dumps({"cells": [cell]}))
    (block,) = read(path, "notebook")
    assert "\0" not in block.text
    assert block.text.encode()


# recordings


@pytest.mark.model
def test_speech_has_words_with_times(tmp_path: Path) -> None:
    path = files.speech(tmp_path / "a.wav")
    if path is None:
        missing = "There is no speech synthesiser. Install one: apt-get install espeak-ng"
        if os.environ.get("CI"):
            pytest.fail(missing)
        pytest.skip(missing)
    parts = list(parse(path, "media", tmp_path / "assets"))
    assert parts[0].meta["media"] == "audio"
    duration = parts[0].meta["duration_ms"]
    assert parts[-1].meta["read_ms"] == pytest.approx(duration, abs=200)
    blocks = [block for part in parts for block in part.blocks]
    assert "one reading is wrong" in " ".join(block.text for block in blocks)
    times = [time for block in blocks for _, start, end in block.data["words"] for time in (start, end)]
    assert times == sorted(times)
    assert all(0 <= time <= duration + 500 for time in times)
    assert len(blocks) >= 2


@pytest.mark.model
def test_silence_says_that_no_speech_was_recognised(tmp_path: Path) -> None:
    assert "No speech" in refusal(files.tone(tmp_path / "a.wav"), "media")


@pytest.mark.model
def test_a_film_without_sound_says_so(tmp_path: Path) -> None:
    assert "no sound track" in refusal(files.silent_film(tmp_path / "a.mp4"), "media")


def test_a_recording_without_a_speech_model_says_what_to_fetch(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tutor.llm import catalog

    monkeypatch.setenv("LYCEUM_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setattr(catalog, "installed", lambda name: False)
    assert "models fetch whisper-tiny.en" in refusal(files.tone(tmp_path / "a.wav"), "media")
