"""Draws the pages of a cleaned file as images, once, when it comes in: inside the program that cleaned it.

A reviewer sees proof beside the dates and opens no PDF: what a page holds reaches their browser as pixels alone. As the
pages are kept, looking costs nothing, and a file whose pages take too long to draw is not taken at all.
"""

import io
import zipfile
from pathlib import Path
from typing import IO

from workshops.prerequisites.files.confinement import Failed, end_after

LONGEST_SIDE = 1_600
"""Pixels."""
LARGEST_SCALE = 3.0
"""Pixels a point: a small slip of paper is not blown up beyond what can be read."""
SECONDS_A_PAGE = 3
QUALITY = 80
LARGEST_PAGE = 8_000_000
"""Bytes of a page that are read again; a JPEG of so many pixels has fewer."""


def drawn_as(stored_as: str) -> str:
    """Where the pages of a file lie that is stored under this name: beside it, and deleted with it."""
    return f"{stored_as}.pages"


def draw(source: str, media: str, target: str) -> None:
    """Write all pages of a cleaned file to `target`. Called in a program of its own, which ends if one takes long."""
    with zipfile.ZipFile(target, "w") as archive:
        if media == "pdf":
            _draw_pdf(source, archive)
        else:
            _draw_image(source, archive)


def page_from(drawn: IO[bytes], page: int) -> bytes:
    """One page, counted from 1, of what `draw` wrote, as a JPEG.

    Raises:
        Failed: when it is not there. What wrote it had opened a stranger's file, and is not believed.
    """
    try:
        with zipfile.ZipFile(drawn) as archive:
            about = archive.getinfo(str(page))
            if about.compress_type != zipfile.ZIP_STORED or about.file_size > LARGEST_PAGE:
                raise Failed("This is not what was drawn.")
            return archive.read(about)
    except (zipfile.BadZipFile, KeyError, EOFError, NotImplementedError, RuntimeError, ValueError):
        raise Failed(f"Page {page} was not drawn.") from None


def _draw_pdf(source: str, archive: zipfile.ZipFile) -> None:
    import pypdfium2

    with pypdfium2.PdfDocument(source) as pdf:
        for number in range(len(pdf)):
            end_after(SECONDS_A_PAGE)
            shown = pdf[number]
            width, height = shown.get_size()
            scale = min(LONGEST_SIDE / max(width, height, 1), LARGEST_SCALE)
            out = io.BytesIO()
            shown.render(scale=scale).to_pil().convert("RGB").save(out, "JPEG", quality=QUALITY)
            archive.writestr(str(number + 1), out.getvalue())
            shown.close()
    end_after(0)


def _draw_image(source: str, archive: zipfile.ZipFile) -> None:
    from PIL import Image

    with Image.open(Path(source), formats=("JPEG", "PNG")) as found:
        found.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
        found.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
        shown: Image.Image = found
        if shown.mode == "RGBA":  # JPEG knows no transparency; paper is white
            paper = Image.new("RGB", shown.size, "white")
            paper.paste(shown, mask=shown.getchannel("A"))
            shown = paper
        out = io.BytesIO()
        shown.convert("RGB").save(out, "JPEG", quality=QUALITY)
    archive.writestr("1", out.getvalue())
