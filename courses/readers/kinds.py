"""Which reader a file needs, by what it holds first and by its name second."""

from __future__ import annotations

import re
from pathlib import Path, PurePath

from courses.readers.parts import UnreadableFile

READABLE = (
    "PDF, PPTX, DOCX, Markdown, HTML, LaTeX, CNXML, Jupyter notebooks, plain text, VTT, SRT, audio and video"
)
MEDIA = {
    "mp3", "wav", "m4a", "m4b", "aac", "flac", "ogg", "oga", "opus", "wma", "aif", "aiff", "amr", "mp4", "m4v", "mov",
    "mkv", "webm", "avi", "wmv", "mpg", "mpeg", "ts", "3gp", "flv", "ogv",
}  # fmt: skip
BINARY = {"pdf": "a PDF", "pptx": "a PowerPoint file", "docx": "a Word file"}
TEXT_NAMES = {
    "md": "markdown", "markdown": "markdown", "mdown": "markdown", "mkd": "markdown", "qmd": "markdown", "rmd": "markdown",
    "html": "html", "htm": "html", "xhtml": "html", "tex": "latex", "latex": "latex", "ltx": "latex",
}  # fmt: skip
REFUSED = {
    "doc",
    "ppt",
    "pps",
    "ppsx",
    "odt",
    "odp",
    "rtf",
    "epub",
    "key",
    "pages",
}  # lectures, not read as they are
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")
_PICTURES = (b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"BM", b"II*\0", b"MM\0*", b"8BPS")


def kind_of(path: Path, filename: str) -> str:
    """The kind of reader (a key of READERS) for a file that was uploaded under this name.

    Raises UnreadableFile, in words for the person, for what is empty, encrypted, of an old or unknown format, or not
    what its name says.
    """
    extension = PurePath(filename).suffix.lower().lstrip(".")
    with path.open("rb") as file:
        head = file.read(65_536)
    if not head.strip(b"\0 \t\r\n\xef\xbb\xbf"):
        raise UnreadableFile(
            "The file is empty. Check that it was saved and copied completely, and upload it again."
        )
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith((b"PK\x03\x04", b"PK\x05\x06")):
        return _kind_of_zip(path)
    if head.startswith(_OLE):
        raise UnreadableFile(_ole_message(path))
    if _is_media(head, extension):
        return "media"
    if _is_binary(head):
        raise UnreadableFile(_binary_message(head, extension))
    if extension in BINARY or extension in MEDIA - {"ts"}:
        what = BINARY.get(extension, "a recording")
        raise UnreadableFile(
            f"The file is named .{extension} but is not {what}: it holds text. Export it again as .{extension}, or "
            "give it the name ending of what it is."
        )
    return _kind_of_text(head, extension)


def is_lecture(path: Path) -> bool:
    """True where a file in a folder of lectures is meant to be read: it can be, or its name says that it should."""
    if path.suffix.lower().lstrip(".") in {
        *BINARY,
        *MEDIA,
        *TEXT_NAMES,
        *REFUSED,
        "txt",
        "vtt",
        "srt",
        "ipynb",
        "cnxml",
    }:
        return True
    try:
        kind_of(path, path.name)
    except (UnreadableFile, OSError):
        return False
    return True


def _kind_of_zip(path: Path) -> str:
    import zipfile  # every reading child imports this module, few need this one

    try:
        with zipfile.ZipFile(path) as archive:
            names = set(archive.namelist()[:20_000])
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise UnreadableFile(
            "The file is damaged or was not copied completely. Open it in the program that made it, save it again "
            "and upload the new copy."
        ) from error
    if "ppt/presentation.xml" in names:
        return "pptx"
    if "word/document.xml" in names:
        return "docx"
    if "xl/workbook.xml" in names:
        raise UnreadableFile(
            "Excel workbooks are not read. Save the sheet as PDF, or paste the table into a document."
        )
    if {"mimetype", "content.xml"} <= names:
        raise UnreadableFile("OpenDocument files are not read. Save it as PPTX, DOCX or PDF and upload that.")
    if {"mimetype", "META-INF/container.xml"} <= names:
        raise UnreadableFile("EPUB books are not read. Convert it to PDF or HTML and upload that.")
    if any(name.endswith((".iwa", "Index.zip")) for name in names):
        raise UnreadableFile(
            "Keynote and Pages files are not read. Export it as PPTX, DOCX or PDF and upload that."
        )
    raise UnreadableFile(
        "Archives are not opened. Unpack it and upload the files in it; many can be uploaded at once."
    )


def _ole_message(path: Path) -> str:
    data = path.read_bytes() if path.stat().st_size < 256_000_000 else b""
    if "EncryptedPackage".encode("utf-16-le") in data:
        return (
            "The file is protected by a password. Remove the password in Office, save it and upload it again."
        )
    for stream, old, new in (
        ("WordDocument", "Word (.doc)", ".docx"),
        ("PowerPoint Document", "PowerPoint (.ppt)", ".pptx"),
        ("Workbook", "Excel (.xls)", ".pdf"),
    ):
        if stream.encode("utf-16-le") in data:
            return f"This is the old {old} format. Open it, choose Save As {new}, and upload the new file."
    return "This old Office format is not read. Save it as .docx, .pptx or .pdf and upload that."


def _is_media(head: bytes, extension: str) -> bool:
    if head.startswith((b"ID3", b"fLaC", b"OggS", b"\x1aE\xdf\xa3", b"FLV\x01", b"FORM", b"#!AMR", b"caff")):
        return True
    if head[:4] == b"RIFF" and head[8:12] in (b"WAVE", b"AVI "):
        return True
    if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
        return not head[8:12].startswith((b"avif", b"heic", b"mif1"))
    if head.startswith((b"\0\0\x01\xba", b"\0\0\x01\xb3", b"0&\xb2u\x8ef\xcf\x11")):
        return True
    if (
        head[:1] == b"\xff"
        and len(head) > 2
        and head[1] & 0xE0 == 0xE0
        and not head.startswith(b"\xff\xd8\xff")
    ):
        return head[:2] not in (b"\xff\xfe", b"\xff\xff") and (head[1] & 0x06 != 0 or head[1] & 0xF6 == 0xF0)
    if head[:1] == b"G" and head[188:189] == b"G" and head[376:377] == b"G":
        return True
    return extension in MEDIA and _is_binary(head)


def _is_binary(head: bytes) -> bool:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    sample = head[:8192]
    if (zeros := sample.count(0)) and not (
        zeros > 0.3 * len(sample) and min(sample[::2].count(0), sample[1::2].count(0)) < 0.05 * len(sample)
    ):
        return True
    controls = sum(byte < 32 and byte not in (9, 10, 12, 13, 27) for byte in sample) - zeros
    return controls > 0.02 * len(sample)


def _binary_message(head: bytes, extension: str) -> str:
    if head.startswith(_PICTURES) or head[8:12] in (b"WEBP", b"avif", b"heic"):
        return "Pictures are not read by themselves. Put them into a PDF (print to PDF) and upload that."
    if extension in BINARY:
        return (
            f"The file is named .{extension} but is not {BINARY[extension]}, or it is damaged. Open it in the program "
            "that made it, save it again and upload the new copy."
        )
    return f"This kind of file is not read. What can be read: {READABLE}."


def _kind_of_text(head: bytes, extension: str) -> str:
    from courses.readers.text import decode

    text = decode(head).lstrip("\ufeff").lstrip()
    start = text[:2000]
    if start.startswith("{\\rtf"):
        raise UnreadableFile(
            "Rich Text (.rtf) is not read. Open it, choose Save As .docx, and upload the new file."
        )
    if start.startswith("WEBVTT"):
        return "vtt"
    if re.match(r"(\d+\s*\n)?\s*(\d+:)?\d+:\d+[,.]\d+\s*-->", start):
        return "vtt" if extension == "vtt" else "srt"
    if extension in ("vtt", "srt"):
        return extension
    if start.startswith("{") and (extension == "ipynb" or re.search(r'"(nbformat|cell_type)"\s*:', text)):
        return "notebook"
    if extension == "ipynb":
        raise UnreadableFile("The file is named .ipynb but is not a notebook. Save it again in Jupyter.")
    if "http://cnx.rice.edu/cnxml" in text[:8000] and "<document" in text[:8000]:
        return "cnxml"
    if extension == "cnxml":
        raise UnreadableFile(
            "The file is named .cnxml but holds no CNXML document. Upload a module's index.cnxml."
        )
    if re.match(
        r"(<\?xml[^>]*>\s*)?(<!--.*?-->\s*)*(<!doctype html|<html)", start, re.IGNORECASE | re.DOTALL
    ):
        return "html"
    if extension in TEXT_NAMES:
        return TEXT_NAMES[extension]
    if re.search(r"^\s*\\(documentclass|begin\{document\})", text, re.MULTILINE):
        return "latex"
    return "text"
