"""Takes in one file of proof: says what it is by its content, refuses what has no place in proof, and writes it anew.

What is kept is never what was sent. A PDF is written again from its pages alone, an image from its pixels alone, so
that nothing hidden before, between or behind them stays: no places where pictures were taken, no names of who wrote
them, no other file in the same bytes. What the page of a PDF itself says stays, also where it cannot be seen. This
module runs as a program of its own (see `confinement`) and imports no more than it needs.
"""

import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from workshops.prerequisites.files.confinement import Failed, answer, bind_for_pdf, confined
from workshops.prerequisites.files.drawing import draw

if TYPE_CHECKING:
    import pikepdf
    from PIL.Image import Image

MOST_PAGES = 50
MOST_PIXELS = 60_000_000
JPEG_QUALITY = 88
MOST_DECODED = 600_000_000
"""Bytes of all images of a PDF, once they are unpacked."""
MOST_DECODED_OTHERWISE = 40_000_000
"""Bytes of everything else in it: what its pages say, fonts."""
DEEPEST = 60
"""How far an object of a PDF may be nested. Proof is flat."""

ANEW = "Open it, choose Print, save it as a new PDF, and add that one."
EMPTY = "There is nothing in this file. Choose it again, or take a picture of the page."
OTHER_KIND = (
    "This is not a PDF, JPEG, PNG or HEIC file. Save or print it as a PDF, or take a picture of it, and add that."
)
PDF_BROKEN = f"This PDF is damaged or was cut short. {ANEW}"
PDF_LOCKED = f"This PDF is protected by a password or against copying, so we cannot check it. {ANEW}"
PDF_ACTIVE = f"This PDF holds a program or a form that acts by itself. {ANEW}"
PDF_ATTACHED = f"This PDF holds other files inside it. {ANEW} Add the other files by themselves."
PDF_UNFIXED = (
    "This PDF holds marks or boxes that are not part of its pages yet, and what they cover could be seen. "
    f"{ANEW} Look first whether everything you covered is covered in it."
)
PDF_LAYERS = f"This PDF has hidden layers, which could be seen once it is here. {ANEW}"
PDF_EMPTY = f"This PDF has no pages. {ANEW}"
PDF_LONG = (
    f"This PDF has more than {MOST_PAGES} pages. Add only those that show your name, the production and the dates."
)
IMAGE_BROKEN = "This picture is damaged or was cut short. Take it again, or save it anew, and add that one."
IMAGE_HUGE = (
    f"This picture has more than {MOST_PIXELS // 1_000_000} million pixels. Make it smaller, or take a picture of it."
)
TOO_MUCH = (
    "This file takes too much to open, or cannot be read. Print it to a new PDF or take a picture of it, and add that."
)

_PNG = b"\x89PNG\r\n\x1a\n"
_HEIC = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_ACTIVE_KEYS = {"/JS", "/JavaScript", "/AA", "/XFA", "/RichMediaContent", "/RichMediaSettings"}
_ACTIVE_ACTIONS = {"/JavaScript", "/Launch", "/SubmitForm", "/ImportData", "/Rendition", "/RichMediaExecute",
                   "/GoTo3DView", "/Movie", "/Sound", "/GoToE", "/GoToR"}  # fmt: skip
_ACTIVE_KINDS = {"/RichMedia", "/Screen", "/Movie", "/Sound", "/3D"}
_HOLDING_KEYS = {"/EmbeddedFiles", "/EF", "/AF"}
_NOT_DRAWN = {"/Link", "/Popup", "/Text"}
"""Annotations that cover nothing: a place to click, and a note beside the page."""
_INVISIBLE_OR_HIDDEN = 1 | 2
_UNPACKED = {"/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/Fl", "/LZW", "/RL"}
_FLATE = {"/FlateDecode", "/Fl"}
_OF_PAGES = {"/Type", "/Parent", "/Resources", "/Contents", "/MediaBox", "/CropBox", "/Rotate", "/UserUnit", "/Group"}
_OF_RESOURCES = {"/ExtGState", "/ColorSpace", "/Pattern", "/Shading", "/XObject", "/Font", "/ProcSet"}
_OF_STREAMS = {
    "/Length", "/Filter", "/DecodeParms", "/Type", "/Subtype", "/Resources", "/Group",
    # images and forms
    "/Width", "/Height", "/ColorSpace", "/BitsPerComponent", "/Decode", "/ImageMask", "/Mask", "/SMask", "/SMaskInData",
    "/Intent", "/Interpolate", "/Matte", "/BBox", "/Matrix", "/FormType",
    # patterns, shadings, functions
    "/PatternType", "/PaintType", "/TilingType", "/XStep", "/YStep", "/ShadingType", "/BitsPerCoordinate",
    "/BitsPerFlag", "/VerticesPerRow", "/Function", "/Background", "/AntiAlias", "/FunctionType", "/Domain", "/Range",
    "/Size", "/Order", "/Encode",
    # colours and fonts
    "/N", "/Alternate", "/Length1", "/Length2", "/Length3", "/CMapName", "/CIDSystemInfo", "/WMode", "/UseCMap",
}  # fmt: skip
"""What a stream needs to be shown. Whatever else programs write beside it stays behind."""
_SAYING_TOO_MUCH = ("/Metadata", "/PieceInfo", "/LastModified", "/Thumb", "/OpenAction")


class Refused(Exception):
    """This file is not taken; the sentence says why and what to do."""


@dataclass(frozen=True)
class Cleaned:
    """What a file became."""

    media: str
    pages: int


def clean(source: Path, target: Path, drawn: Path) -> Cleaned:
    """Write to `target` what may be kept of `source`, and to `drawn` its pages, in a program of its own.

    Raises:
        Refused: when it is not taken; `target` is then nothing to keep.
        NoTurn: when too many files are being looked at just now.
    """
    try:
        said = confined(__name__, str(source), str(target), str(drawn))
    except Failed:
        raise Refused(TOO_MUCH) from None
    if "refused" in said:
        raise Refused(said["refused"])
    return Cleaned(said["media"], said["pages"])


def cleaned(source: str, target: str, drawn: str) -> dict[str, Any]:
    """What the program answers."""
    try:
        media, pages = _clean(source, target)
    except Refused as refused:
        return {"refused": str(refused)}
    draw(target, media, drawn)
    return {"media": media, "pages": pages}


def _clean(source: str, target: str) -> tuple[str, int]:
    with Path(source).open("rb") as stream:
        head = stream.read(32)
    if not head:
        raise Refused(EMPTY)
    if head.startswith(b"%PDF-"):
        return "pdf", _clean_pdf(source, target)
    if head.startswith((b"\xff\xd8\xff", _PNG)) or (head[4:8] == b"ftyp" and head[8:12] in _HEIC):
        return _clean_image(source, target), 1
    raise Refused(OTHER_KIND)


# -- PDF ---------------------------------------------------------------------------------------------------------------
def _clean_pdf(source: str, target: str) -> int:
    import pikepdf

    bind_for_pdf()
    try:
        # Nothing is mended on the way: a file that was cut short must not lose pages without a word.
        found = pikepdf.open(source, attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise Refused(PDF_LOCKED) from None
    except pikepdf.PdfError:
        raise Refused(PDF_BROKEN) from None
    with found, pikepdf.new() as anew:
        if found.is_encrypted:
            raise Refused(PDF_LOCKED)
        for each in (found.trailer, *found.objects):
            _inspect(each, found)
        _refuse_what_unpacks_without_end(found)
        try:
            pages = len(found.pages)
            if not pages:
                raise Refused(PDF_EMPTY)
            if pages > MOST_PAGES:
                raise Refused(PDF_LONG)
            _refuse_what_would_be_uncovered(found)
            # What was typed into a form becomes part of the page; comments and fields do not stay beside it.
            form = found.Root.get("/AcroForm")
            if isinstance(form, pikepdf.Dictionary) and form.get("/NeedAppearances"):
                found.generate_appearance_streams()
            found.flatten_annotations()
            anew.pages.extend(found.pages)
            for page in anew.pages:
                _keep(page.obj, _OF_PAGES)
            # Only the pages' own objects have come along: neither the catalogue nor what was behind its names.
            anew.remove_unreferenced_resources()
            for each in anew.objects:
                _strip(each)
            anew.save(target, object_stream_mode=pikepdf.ObjectStreamMode.generate, compress_streams=True,
                      fix_metadata_version=False, deterministic_id=True)  # fmt: skip
        except pikepdf.PdfError:
            raise Refused(PDF_BROKEN) from None
    return pages


def _inspect(it: "pikepdf.Object", whole: "pikepdf.Pdf", depth: int = 0) -> None:
    """Refuse an object that acts, or holds a file. Objects it refers to are looked at by themselves."""
    import pikepdf

    if depth > DEEPEST:
        raise Refused(PDF_BROKEN)
    if isinstance(it, pikepdf.Array):
        inner: list[Any] = list(it)
    elif isinstance(it, pikepdf.Dictionary | pikepdf.Stream):
        _inspect_dictionary(it)
        inner = [it.get(key) for key in it.keys()]  # noqa: SIM118  (a PDF's dictionary, not Python's)
    else:
        return
    for each in inner:
        if isinstance(each, pikepdf.Object) and not each.is_indirect:
            _inspect(each, whole, depth + 1)


def _inspect_dictionary(it: "pikepdf.Object") -> None:
    keys = set(it.keys())
    if str(it.get("/Type", "")) == "/OCMD" and ("/VE" in keys or str(it.get("/P", "")) in {"/AllOff", "/AnyOff"}):
        raise Refused(PDF_LAYERS)  # shown while something else is not
    kind, subtype, action = (str(it.get(key, "")) for key in ("/Type", "/Subtype", "/S"))
    if keys & _HOLDING_KEYS or kind == "/EmbeddedFile" or subtype == "/FileAttachment":
        raise Refused(PDF_ATTACHED)
    if keys & _ACTIVE_KEYS or subtype in _ACTIVE_KINDS or action in _ACTIVE_ACTIONS:
        raise Refused(PDF_ACTIVE)


def _strip(it: "pikepdf.Object") -> None:
    import pikepdf

    if not isinstance(it, pikepdf.Dictionary | pikepdf.Stream):
        return
    for key in _SAYING_TOO_MUCH:
        _drop(it, key)
    if isinstance(it, pikepdf.Stream):
        _keep(it, _OF_STREAMS)
    if isinstance(resources := it.get("/Resources"), pikepdf.Dictionary):
        _keep(resources, _OF_RESOURCES)
    if isinstance(it, pikepdf.Stream) and it.get("/Filter") in (pikepdf.Name.DCTDecode, [pikepdf.Name.DCTDecode]):
        raw = it.read_raw_bytes()
        if (plain := without_notes(raw)) != raw:
            parameters = it.get("/DecodeParms")
            kept = parameters if isinstance(parameters, pikepdf.Dictionary | pikepdf.Array) else None
            it.write(plain, filter=pikepdf.Name.DCTDecode, decode_parms=kept)


def _refuse_what_unpacks_without_end(found: "pikepdf.Pdf") -> None:
    """Ask before anything reads it: a megabyte can become a thousand, and each page may do so again."""
    import pikepdf

    left = {True: MOST_DECODED, False: MOST_DECODED_OTHERWISE}
    for it in found.objects:
        if not isinstance(it, pikepdf.Stream):
            continue
        filters = it.get("/Filter", pikepdf.Array())
        names = [str(each) for each in filters] if isinstance(filters, pikepdf.Array) else [str(filters)]
        if sum(name in _UNPACKED for name in names) > 1:
            raise Refused(TOO_MUCH)
        is_image = it.get("/Subtype") == pikepdf.Name.Image
        raw = it.read_raw_bytes()
        size = _unpacked(raw, left[is_image]) if names and names[0] in _FLATE else len(raw)
        left[is_image] -= size
        if left[is_image] < 0:
            raise Refused(TOO_MUCH)


def _unpacked(raw: bytes, most: int) -> int:
    """How many bytes come out, counted to just beyond `most`, and without holding them."""
    unpack, size = zlib.decompressobj(), 0
    try:
        while raw and not unpack.eof and size <= most:
            size += len(unpack.decompress(raw, 1_000_000))
            raw = unpack.unconsumed_tail
    except zlib.error:  # what cannot be unpacked is found out about where it is used
        pass
    return size


def _refuse_what_would_be_uncovered(found: "pikepdf.Pdf") -> None:
    """Refuse what hides something without being part of the page, and would not hide it in what is kept."""
    import pikepdf

    layers = found.Root.get("/OCProperties")
    if layers is not None and _hides_layers(layers):
        raise Refused(PDF_LAYERS)
    for page in found.pages:
        annotations = page.obj.get("/Annots")
        for each in annotations if isinstance(annotations, pikepdf.Array) else ():
            if isinstance(each, pikepdf.Dictionary) and _would_uncover(each):
                raise Refused(PDF_UNFIXED)


def _hides_layers(layers: "pikepdf.Object") -> bool:
    import pikepdf

    shown = layers.get("/D", pikepdf.Dictionary())
    if shown.get("/OFF") or str(shown.get("/BaseState", "/ON")) != "/ON":
        return True
    # Programs may hide a layer by themselves, on the screen or in print.
    return bool(shown.get("/AS")) and any("/Usage" in each for each in layers.get("/OCGs", []))


def _would_uncover(annotation: "pikepdf.Object") -> bool:
    import pikepdf

    kind = str(annotation.get("/Subtype", ""))
    if kind == "/Redact":  # drawn or not, what is to go is still there
        return True
    if kind in _NOT_DRAWN or int(annotation.get("/F", 0)) & _INVISIBLE_OR_HIDDEN:
        return False
    looks = annotation.get("/AP", pikepdf.Dictionary()).get("/N")
    if isinstance(looks, pikepdf.Stream):
        return False
    if kind == "/Widget":  # an empty field looks like nothing, unless it is painted
        return "/BG" in annotation.get("/MK", pikepdf.Dictionary()) and looks is None
    state = annotation.get("/AS")
    return not (isinstance(looks, pikepdf.Dictionary) and state and isinstance(looks.get(str(state)), pikepdf.Stream))


def _keep(it: "pikepdf.Object", keys: set[str]) -> None:
    for key in set(it.keys()) - keys:
        del it[key]


def _drop(it: "pikepdf.Object", key: str) -> None:
    if key in it:
        del it[key]


def without_notes(jpeg: bytes) -> bytes:
    """A JPEG without its comments and what cameras write beside the picture; what cannot be followed stays as it is.

    A photograph on a PDF's page keeps them all otherwise, with the place where it was taken. Adobe's segment (14)
    stays: it says how the colours are meant.
    """
    if not jpeg.startswith(b"\xff\xd8"):
        return jpeg
    kept, at = [b"\xff\xd8"], 2
    while at + 4 <= len(jpeg) and jpeg[at] == 0xFF:
        marker, length = jpeg[at + 1], int.from_bytes(jpeg[at + 2 : at + 4], "big")
        if marker == 0xDA:  # from here on it is the picture
            return b"".join((*kept, jpeg[at:]))
        if marker != 0xFE and not (0xE1 <= marker <= 0xEF and marker != 0xEE):
            kept.append(jpeg[at : at + 2 + length])
        at += 2 + length
    return jpeg


# -- images ------------------------------------------------------------------------------------------------------------
def _clean_image(source: str, target: str) -> str:
    from PIL import Image

    try:
        with open_image(source) as found:
            is_png = found.format == "PNG"
            if is_png:
                _ends_as_it_should(source)
            fresh = _fresh(found)
    except (OSError, SyntaxError, ValueError, EOFError, IndexError, Image.DecompressionBombError):
        raise Refused(IMAGE_BROKEN) from None
    if is_png:
        fresh.save(target, "PNG")
        return "png"
    fresh.save(target, "JPEG", quality=JPEG_QUALITY)
    return "jpeg"


def _ends_as_it_should(source: str) -> None:
    """Read a PNG to its end: what shows its rows stops when it has enough, and calls missing ones black."""
    with open_image(source) as found:
        found.verify()


def open_image(source: str) -> "Image":
    """An image whose pixels are not read yet, of a kind that is taken and a size that can be held.

    Raises:
        Refused: when it claims to be larger.
        OSError: when it is none of these kinds, or broken from the start.
    """
    import pillow_heif
    from PIL import Image

    pillow_heif.register_heif_opener(thumbnails=False)
    Image.MAX_IMAGE_PIXELS = None  # the limit is ours, and says so in words
    found = Image.open(source, formats=("JPEG", "PNG", "HEIF"))
    width, height = found.size
    if width * height > MOST_PIXELS:
        found.close()
        raise Refused(IMAGE_HUGE)
    return found


def _fresh(found: "Image") -> "Image":
    """The pixels of the first picture, the right way up, in a new image that knows nothing else."""
    from PIL import Image, ImageOps

    found.load()
    upright = ImageOps.exif_transpose(found)
    if upright.mode.startswith("I"):  # 16 bits of grey
        upright = upright.point(lambda value: value / 256).convert("L")
    if found.format != "PNG":
        mode = "L" if upright.mode == "L" else "RGB"
    elif upright.mode in {"1", "L", "RGB"}:
        mode = upright.mode
    else:
        mode = "RGBA" if upright.has_transparency_data else "RGB"
    converted = upright if upright.mode == mode else upright.convert(mode)
    fresh = Image.new(mode, converted.size)
    fresh.paste(converted)
    return fresh


if __name__ == "__main__":
    answer(cleaned)
