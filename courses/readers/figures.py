"""Pictures that readers take out of files, kept as PNG in the material's folder of assets."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from PIL.Image import Image

MIN_SIDE = 48  # pixels; less is an icon, a bullet or a rule
MAX_SIDE = 1600  # larger pictures are made smaller
MAX_PIXELS = 50_000_000  # more is refused before it is unpacked
MAX_FIGURES = 1_000
MAX_BYTES = 60_000_000


class Asset(NamedTuple):
    """A picture that was kept: its file name in the folder of assets, and its size in pixels."""

    name: str
    width: int
    height: int


class Figures:
    """Keeps pictures, each once, under names that cannot leave the folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, Asset] = {}

    def save(self, data: bytes, stem: str) -> Asset | None:
        """Keep a picture file's bytes as PNG; None where it is no picture, too small or far too large."""
        if len(data) > MAX_BYTES:
            return None
        key = hashlib.sha256(data).hexdigest()
        if key in self._kept:
            return self._kept[key]
        image = _open(data)
        asset = self.save_image(image, stem) if image is not None else None
        if asset:
            self._kept[key] = asset
        return asset

    def save_image(self, image: Image, stem: str) -> Asset | None:
        """Keep a picture as PNG, made smaller if it is large; None where it is too small or of one colour."""
        if min(image.size) < MIN_SIDE or len(self._kept) >= MAX_FIGURES:
            return None
        if image.mode not in ("RGB", "RGBA", "L", "LA"):
            image = image.convert("RGBA" if "transparency" in image.info or image.mode == "PA" else "RGB")
        if max(image.size) > MAX_SIDE:
            image.thumbnail((MAX_SIDE, MAX_SIDE))
        if all(low == high for low, high in _extrema(image)):
            return None
        out = io.BytesIO()
        image.save(out, "PNG")
        data = out.getvalue()
        key = hashlib.sha256(data).hexdigest()
        if key not in self._kept:
            name = f"{re.sub(r'[^a-z0-9-]+', '-', stem.lower()).strip('-') or 'figure'}-{key[:10]}.png"
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / name).write_bytes(data)
            self._kept[key] = Asset(name, *image.size)
        return self._kept[key]


def _extrema(image: Image) -> list[Any]:
    found: Any = image.getextrema()
    return [found] if isinstance(found[0], int | float) else list(found)


def _open(data: bytes) -> Image | None:
    from PIL import Image, UnidentifiedImageError

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            image = Image.open(
                io.BytesIO(data), formats=("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "JPEG2000")
            )
            image.load()
        except (
            UnidentifiedImageError,
            OSError,
            ValueError,
            SyntaxError,
            Image.DecompressionBombError,
            Warning,
        ):
            return None
    return image
