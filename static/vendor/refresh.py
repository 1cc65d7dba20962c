"""Bring the browser libraries of PACKAGES into the tree from npm, with licences and a hash of each file.

`python static/vendor/refresh.py` (make vendor) rewrites this folder, tests/browser/vendor and vendor.toml. To move to
another version, change it here and run again; tests/browser/test_vendor.py holds the tree to vendor.toml.
"""

from __future__ import annotations

import fnmatch
import hashlib
import json
import re
import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TESTS = ROOT / "tests" / "browser" / "vendor"  # what only the tests use, never served


@dataclass(frozen=True)
class Package:
    """An npm package at a version, and which of its files (glob patterns) go flat into `folder`."""

    name: str
    version: str
    folder: str
    files: tuple[str, ...]
    licences: tuple[str, ...] = ("LICENSE",)
    target: Path = HERE


FONT_FILES = ("files/*-latin-wght-normal.woff2", "files/*-latin-wght-italic.woff2")
PACKAGES = (
    Package("markdown-it", "15.0.3", "markdown-it", ("dist/browser/markdown-it.esm.min.mjs",)),
    Package("dompurify", "3.4.18", "dompurify", ("dist/purify.es.mjs",)),
    Package("katex", "0.19.1", "katex", ("dist/katex.min.js", "dist/katex.min.css")),
    Package("katex", "0.19.1", "katex/fonts", ("dist/fonts/*.woff2",)),
    Package("@highlightjs/cdn-assets", "11.12.0", "highlight", ("es/highlight.min.js",)),
    Package(
        "@highlightjs/cdn-assets",
        "11.12.0",
        "highlight/languages",
        (
            "es/languages/matlab.min.js",
            "es/languages/julia.min.js",
            "es/languages/latex.min.js",
            "es/languages/verilog.min.js",
        ),
    ),
    # the legacy build carries polyfills that phones of a year ago still need
    Package("pdfjs-dist", "5.6.205", "pdfjs", ("legacy/build/pdf.min.mjs", "legacy/build/pdf.worker.min.mjs")),
    Package("pdfjs-dist", "5.6.205", "pdfjs/standard_fonts", ("standard_fonts/*",), ()),
    Package("pdfjs-dist", "5.6.205", "pdfjs/wasm", ("wasm/*.wasm", "wasm/LICENSE_*"), ()),
    Package("@fontsource-variable/instrument-sans", "5.3.0", "fonts", FONT_FILES[:1]),
    Package("@fontsource-variable/literata", "5.3.0", "fonts", FONT_FILES),
    Package("@fontsource-variable/jetbrains-mono", "5.3.0", "fonts", FONT_FILES[:1]),
    Package("axe-core", "4.14.1", "", ("axe.min.js",), ("LICENSE", "LICENSE-3RD-PARTY.txt"), TESTS),
)


def unpack(package: Package, where: Path) -> Path:
    """The unpacked npm package; fetched once for each name and version."""
    folder = where / re.sub(r"\W+", "-", f"{package.name}-{package.version}")
    if not folder.exists():
        folder.mkdir()
        spec = f"{package.name}@{package.version}"
        done = subprocess.run(["npm", "pack", "--silent", spec], cwd=folder, check=True, capture_output=True, text=True)
        with tarfile.open(folder / done.stdout.split()[-1]) as archive:
            archive.extractall(folder, filter="data")
    return folder / "package"


def served(path: Path) -> bytes:
    """A file as we serve it: without pointers to source maps and to font formats that are not kept."""
    data = path.read_bytes()
    if path.suffix in (".js", ".mjs", ".css"):
        text = re.sub(r"\n?(//# sourceMappingURL=\S+|/\*# sourceMappingURL=\S+ \*/)\s*$", "\n", data.decode())
        if path.name == "katex.min.css":
            text = re.sub(r",url\([^)]+\.(?:woff|ttf)\) format\(\"(?:woff|truetype)\"\)", "", text)
        data = text.encode()
    return data


def main() -> None:
    for folder in {package.target / package.folder.split("/")[0] for package in PACKAGES}:
        shutil.rmtree(folder, ignore_errors=True)
    entries: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        for package in PACKAGES:
            source = unpack(package, Path(scratch))
            target = package.target / package.folder
            target.mkdir(parents=True, exist_ok=True)
            names = sorted(str(path.relative_to(source)) for path in source.rglob("*") if path.is_file())
            hashes: dict[str, str] = {}
            for pattern in (*package.files, *package.licences):
                found = fnmatch.filter(names, pattern)
                if not found:
                    raise SystemExit(f"{package.name} {package.version} has no file {pattern}: adjust PACKAGES.")
                for name in found:
                    short = package.name.split("/")[-1]
                    out = target / (Path(name).name if name not in package.licences else f"{short}.{name}")
                    data = served(source / name)
                    out.write_bytes(data)
                    hashes[out.relative_to(ROOT).as_posix()] = hashlib.sha256(data).hexdigest()
            licence = json.loads((source / "package.json").read_text())["license"]
            lines = [f'name = "{package.name}"', f'version = "{package.version}"', f'licence = "{licence}"']
            files = [f'"{name}" = "{digest}"' for name, digest in sorted(hashes.items())]
            entries.append("\n".join(["[[package]]", *lines, "[package.files]", *files]))
    head = "# Written by refresh.py: what came from npm, and the sha256 of each file as it is served.\n\n"
    (HERE / "vendor.toml").write_text(head + "\n\n".join(entries) + "\n")


if __name__ == "__main__":
    main()
