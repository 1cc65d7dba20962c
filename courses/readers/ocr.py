"""Text recognition for pages that are pictures, by PP-OCR through rapidocr; its models come in its wheel."""

from __future__ import annotations

import logging
from functools import cache
from statistics import median
from typing import TYPE_CHECKING, Any

from courses.readers.pdf_text import Segment

if TYPE_CHECKING:
    from PIL.Image import Image

LEAST_SCORE = 0.6  # a line recognised with less is noise
THREADS = 2


@cache
def _engine() -> Any:
    from rapidocr import RapidOCR

    logging.getLogger("RapidOCR").setLevel(logging.ERROR)
    return RapidOCR(
        params={
            "Global.log_level": "error",
            "Global.use_cls": False,
            "EngineConfig.onnxruntime.intra_op_num_threads": THREADS,
            "EngineConfig.onnxruntime.enable_cpu_mem_arena": True,  # without it half of the time goes into allocation
            "Rec.rec_batch_num": 1,  # a batch is padded to its longest line
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def recognise(image: Image, scale: float) -> list[Segment]:
    """Lines of text in a picture of a page, as segments in points; scale: pixels a point."""
    import numpy as np

    result = _engine()(np.asarray(image.convert("RGB"))[:, :, ::-1])
    if result.boxes is None or result.txts is None:
        return []
    lines = []
    for corners, text, score in zip(result.boxes, result.txts, result.scores, strict=True):
        if score < LEAST_SCORE or not text.strip():
            continue
        xs, ys = [float(x) / scale for x, _ in corners], [float(y) / scale for _, y in corners]
        height = max(ys) - min(ys)
        lines.append(Segment(text.strip(), min(xs), min(ys), max(xs), max(ys), 0.75 * height))
    usual = median(line.size for line in lines) if lines else 0
    # boxes are a little higher or lower than their neighbours; only what is clearly larger or smaller differs
    return [line._replace(size=usual) if 0.75 < line.size / usual < 1.3 else line for line in lines]
