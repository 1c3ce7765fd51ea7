"""Draws one page of a kept file as an image, in a program of its own (see `confinement`).

A reviewer sees proof beside the dates and opens no PDF: what a page holds reaches their browser as pixels alone.
"""

from pathlib import Path
from typing import Any

from workshops.prerequisites.files.confinement import answer, bind_for_pdf, confined

LONGEST_SIDE = 1_600
"""Pixels."""
LARGEST_SCALE = 3.0
"""Pixels a point: a small slip of paper is not blown up beyond what can be read."""


def draw(source: Path, media: str, page: int, target: Path) -> None:
    """Write page `page`, counted from 1, of a kept file to `target` as a JPEG.

    Raises:
        Failed: when it cannot be drawn.
        NoTurn: when too many are being drawn just now.
    """
    confined(__name__, str(source), media, str(page), str(target))


def drawn(source: str, media: str, page: str, target: str) -> dict[str, Any]:
    """What the program answers."""
    if media == "pdf":
        _draw_pdf(source, int(page), target)
    else:
        _draw_image(source, target)
    return {"drawn": page}


def _draw_pdf(source: str, page: int, target: str) -> None:
    import pypdfium2

    bind_for_pdf()
    with pypdfium2.PdfDocument(source) as pdf:
        shown = pdf[page - 1]
        width, height = shown.get_size()
        scale = min(LONGEST_SIDE / max(width, height, 1), LARGEST_SCALE)
        shown.render(scale=scale).to_pil().convert("RGB").save(target, "JPEG", quality=85)


def _draw_image(source: str, target: str) -> None:
    from PIL import Image

    from workshops.prerequisites.files.cleaning import open_image

    with open_image(source) as found:
        found.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        found.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        shown: Image.Image = found
        if shown.mode == "RGBA":  # JPEG knows no transparency; paper is white
            paper = Image.new("RGB", shown.size, "white")
            paper.paste(shown, mask=shown.getchannel("A"))
            shown = paper
        shown.convert("RGB").save(target, "JPEG", quality=85)


if __name__ == "__main__":
    answer(drawn)
