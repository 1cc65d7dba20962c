"""Readers: each yields a kind of file as parts of text with anchors. A new kind is a module and a line here."""

from courses.readers.kinds import is_lecture, kind_of
from courses.readers.parts import Block, Part, UnreadableFile

READERS: dict[str, str] = {
    "pdf": "courses.readers.pdf.read",
    "pptx": "courses.readers.pptx.read",
    "docx": "courses.readers.docx.read",
    "markdown": "courses.readers.markdown.read",
    "html": "courses.readers.html.read",
    "latex": "courses.readers.latex.read",
    "cnxml": "courses.readers.cnxml.read",
    "notebook": "courses.readers.notebook.read",
    "text": "courses.readers.text.read",
    "vtt": "courses.readers.captions.read",
    "srt": "courses.readers.captions.read",
    "media": "courses.readers.media.read",
}

__all__ = ["READERS", "Block", "Part", "UnreadableFile", "is_lecture", "kind_of"]
