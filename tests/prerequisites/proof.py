"""Files of proof as tests need them: honest ones, and those that somebody made to do harm."""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pikepdf
import pillow_heif
from PIL import Image

SECRET = "Ben from the camera department"
"""What no kept file may say."""


def pdf(pages: int = 1, change: Callable[[pikepdf.Pdf], object] | None = None, **save: Any) -> bytes:
    """A PDF of blank pages, with a change made to it."""
    made, out = pikepdf.new(), io.BytesIO()
    for number in range(pages):
        made.add_blank_page(page_size=(612, 792))
        content = f"0.2 0.2 0.2 rg 72 {72 + number} 200 100 re f".encode()
        made.pages[number].Contents = made.make_stream(content)
    if change:
        change(made)
    made.save(out, deterministic_id="encryption" not in save, **save)
    return out.getvalue()


def image(kind: str = "JPEG", size: tuple[int, int] = (60, 40), mode: str = "RGB", **save: Any) -> bytes:
    """A picture whose left half is red."""
    made, out = Image.new(mode, size), io.BytesIO()
    made.paste(Image.new("RGB", (size[0] // 2, size[1]), "red").convert(mode), (0, 0))
    made.save(out, kind, **save)
    return out.getvalue()


def telling_exif(orientation: int = 1) -> Image.Exif:
    """What a phone writes: where, with what, by whom, which way up."""
    exif = Image.Exif()
    exif[0x0112], exif[0x013B], exif[0x010F] = orientation, SECRET, "A telephone"
    exif.get_ifd(0x8825).update({1: "N", 2: (34.0, 3.0, 8.0), 3: "W", 4: (118.0, 14.0, 37.0)})
    return exif


def heic() -> bytes:
    """A picture as a phone takes it."""
    made, out = Image.new("RGB", (64, 48), "red"), io.BytesIO()
    pillow_heif.from_pillow(made).save(out, quality=60, exif=telling_exif().tobytes())
    return out.getvalue()


def archive() -> bytes:
    """A ZIP archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("evil.txt", SECRET)
    return out.getvalue()


def pixel_bomb(side: int = 50_000) -> bytes:
    """A PNG of a few bytes that claims billions of pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    data = chunk(b"IDAT", zlib.compress(bytes(1000)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + data + chunk(b"IEND", b"")


def object_stream_bomb(megabytes: int = 1_000) -> bytes:
    """A PDF of some megabytes whose objects lie in a stream that grows a thousandfold when it is opened."""
    squeeze = zlib.compressobj(9, wbits=-15)
    catalogue = b"<</Type/Catalog/Pages 2 0 R>>".ljust(40)
    begin = squeeze.compress(b"1 0 2 40 " + catalogue + b"<</Type/Pages/Count 0/Kids[]>>")
    begin += squeeze.flush(zlib.Z_FULL_FLUSH)
    growing = squeeze.compress(b" " * 1024 * 1024) + squeeze.flush(zlib.Z_FULL_FLUSH)
    stream = b"\x78\xda" + begin + growing * megabytes
    out = bytearray(b"%PDF-1.5\n")
    objects_at = len(out)
    out += b"3 0 obj <</Type/ObjStm/N 2/First 9/Filter/FlateDecode/Length %d>> stream\n" % len(stream)
    out += stream + b"\nendstream endobj\n"
    table_at = len(out)
    rows = [(0, 0, 0), (2, 3, 0), (2, 3, 1), (1, objects_at, 0), (1, table_at, 0)]
    table = b"".join(struct.pack(">BIB", *row) for row in rows)
    out += b"4 0 obj <</Type/XRef/Size 5/W[1 4 1]/Root 1 0 R/Length %d>> stream\n" % len(table)
    return bytes(out + table + b"\nendstream endobj\nstartxref\n%d\n%%%%EOF\n" % table_at)
