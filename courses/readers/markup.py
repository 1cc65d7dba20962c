"""XML without entities, external files or network."""

from __future__ import annotations

import html
from typing import Any

from lxml import etree

from courses.readers.parts import UnreadableFile

Element = Any  # lxml has no types


def parse_xml(data: bytes, what: str = "The file") -> Element:
    """The root element. Entities that the document declares are refused: they are how XML bombs and leaks work."""
    if b"<!ENTITY" in data:
        raise _declares_entities(what)
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        huge_tree=False,
        remove_comments=True,
        remove_pis=True,
    )
    try:
        root = etree.fromstring(data, parser)
    except etree.XMLSyntaxError as error:
        raise UnreadableFile(
            f"{what} is not well-formed XML (line {error.lineno}: {error.msg}). Correct it and upload it again."
        ) from error
    dtd = root.getroottree().docinfo.internalDTD
    if dtd is not None and any(True for _ in dtd.iterentities()):
        raise _declares_entities(what)
    return root


def _declares_entities(what: str) -> UnreadableFile:
    return UnreadableFile(
        f"{what} declares XML entities, which are refused because they can hide other files or endless text. "
        "Save it without a DOCTYPE and upload it again."
    )


def name(element: Element) -> str:
    """The tag without its namespace; "&" for an entity reference, "" for comments and instructions."""
    if isinstance(element, etree._Entity):
        return "&"
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def entity(element: Element) -> str:
    """The character that an entity reference such as &nbsp; stands for."""
    text = html.unescape(element.text or "")
    return "" if text.startswith("&") else text


def child(element: Element, tag: str) -> Element | None:
    """The first child with this local name."""
    return next((node for node in element if name(node) == tag), None)


def children(element: Element, tag: str) -> list[Element]:
    """The children with this local name."""
    return [node for node in element if name(node) == tag]


def all_text(element: Element) -> str:
    """All text below the element, entities resolved."""
    pieces = [element.text or ""]
    for node in element:
        pieces.append(entity(node) if name(node) == "&" else all_text(node) if name(node) else "")
        pieces.append(node.tail or "")
    return "".join(pieces)
