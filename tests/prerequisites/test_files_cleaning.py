"""What is taken as proof, what is refused and in which words, and that nothing hidden comes along."""

import io
import resource
import time
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, String
from PIL import Image

from tests.prerequisites import proof
from workshops.prerequisites.files import cleaning, confinement
from workshops.prerequisites.files.cleaning import Cleaned, Refused, clean
from workshops.prerequisites.files.drawing import SECONDS_A_PAGE, page_from
from workshops.prerequisites.files.turns import NoTurn


@pytest.fixture
def cleaned(tmp_path: Path) -> Callable[[bytes], tuple[Cleaned, bytes]]:
    """Clean these bytes, and return what they became with what is kept."""

    def run(sent: bytes) -> tuple[Cleaned, bytes]:
        source, target = tmp_path / "sent.exe", tmp_path / "kept"
        source.write_bytes(sent)
        began = time.monotonic()
        became = clean(source, target, tmp_path / "drawn")
        assert time.monotonic() - began < 15
        return became, target.read_bytes()

    return run


Cleaner = Callable[[bytes], tuple[Cleaned, bytes]]


def is_red(image: Image.Image, at: tuple[int, int]) -> bool:
    red, green, blue = image.convert("RGB").getpixel(at)  # type: ignore[misc]
    return bool(red > 200 and green < 60 and blue < 60)


def first_page(folder: Path) -> io.BytesIO:
    with (folder / "drawn").open("rb") as drawn:
        return io.BytesIO(page_from(drawn, 1))


def refusal(cleaned: Cleaner, sent: bytes) -> str:
    with pytest.raises(Refused) as refused:
        cleaned(sent)
    return str(refused.value)


# -- PDF ---------------------------------------------------------------------------------------------------------------
def test_a_pdf_is_written_anew_with_its_pages(cleaned: Cleaner) -> None:
    became, kept = cleaned(proof.pdf(3))
    assert became == Cleaned("pdf", 3)
    with pikepdf.open(io.BytesIO(kept)) as read:
        assert [page.Contents.read_bytes() for page in read.pages] == [
            f"0.2 0.2 0.2 rg 72 {72 + number} 200 100 re f".encode() for number in range(3)
        ]


def say_too_much(made: pikepdf.Pdf) -> None:
    made.docinfo["/Author"] = proof.SECRET
    with made.open_metadata() as metadata:
        metadata["dc:creator"] = [proof.SECRET]
    page = made.pages[0]
    page.obj.PieceInfo = Dictionary(App=Dictionary(Private=String(proof.SECRET)))
    note = Dictionary(Type=Name.Annot, Subtype=Name.Text, Rect=Array([0, 0, 9, 9]), Contents=String(proof.SECRET))
    page.obj.Annots = Array([made.make_indirect(note)])
    made.Root.Hidden = made.make_stream(proof.SECRET.encode())


def test_who_wrote_a_pdf_and_what_was_noted_in_it_do_not_stay(cleaned: Cleaner) -> None:
    sent = proof.pdf(1, say_too_much, compress_streams=False, object_stream_mode=pikepdf.ObjectStreamMode.disable)
    assert proof.SECRET.encode() in sent
    kept = cleaned(sent)[1]
    with pikepdf.open(io.BytesIO(kept)) as read:
        assert set(read.Root.keys()) == {"/Type", "/Pages"}
        assert set(read.trailer.keys()) & {"/Info", "/Encrypt"} == set()
        everything = b"".join(each.unparse() for each in read.objects)
    assert proof.SECRET.encode() not in kept + everything


def with_a_photograph(photograph: bytes) -> Callable[[pikepdf.Pdf], None]:
    def change(made: pikepdf.Pdf) -> None:
        picture = made.make_stream(photograph, Type=Name.XObject, Subtype=Name.Image, Width=60, Height=40,
                                   ColorSpace=Name.DeviceRGB, BitsPerComponent=8, Filter=Name.DCTDecode)  # fmt: skip
        made.pages[0].obj.Resources = Dictionary(XObject=Dictionary(Im0=picture))
        made.pages[0].Contents = made.make_stream(b"600 0 0 400 0 0 cm /Im0 Do")

    return change


def test_a_photograph_inside_a_pdf_no_longer_says_where_it_was_taken(cleaned: Cleaner, tmp_path: Path) -> None:
    sent = proof.pdf(1, with_a_photograph(proof.image(exif=proof.telling_exif(), comment=proof.SECRET)))
    assert proof.SECRET.encode() in sent
    kept = cleaned(sent)[1]
    assert proof.SECRET.encode() not in kept
    assert b"Exif" not in kept
    with Image.open(first_page(tmp_path)) as drawn:
        assert is_red(drawn, (20, drawn.height - 20))


def test_what_was_typed_into_a_form_is_on_the_page(cleaned: Cleaner, tmp_path: Path) -> None:
    def fill_in(made: pikepdf.Pdf) -> None:
        looks = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 200, 100])}
        shown = made.make_stream(b"1 0 0 rg 0 0 200 100 re f", **looks)
        field = Dictionary(Type=Name.Annot, Subtype=Name.Widget, FT=Name.Tx, T=String("hours"), V=String("8"), F=4,
                           Rect=Array([300, 600, 500, 700]), AP=Dictionary(N=shown))  # fmt: skip
        made.pages[0].obj.Annots = Array([made.make_indirect(field)])
        made.Root.AcroForm = Dictionary(Fields=made.pages[0].obj.Annots)

    cleaned(proof.pdf(1, fill_in))
    with Image.open(first_page(tmp_path)) as drawn:
        assert is_red(drawn, (int(drawn.width * 400 / 612), int(drawn.height * 142 / 792)))


@pytest.mark.parametrize("tail", [proof.archive(), b"<html><script>alert(1)</script></html>"], ids=["zip", "html"])
def test_a_pdf_that_is_another_file_as_well_is_a_pdf_alone_afterwards(cleaned: Cleaner, tail: bytes) -> None:
    kept = cleaned(proof.pdf() + tail)[1]
    assert kept.endswith(b"%%EOF\n")
    assert not zipfile.is_zipfile(io.BytesIO(kept))
    assert b"script" not in kept
    assert b"PK" not in kept


def test_a_pdf_that_begins_as_something_else_is_refused(cleaned: Cleaner) -> None:
    assert refusal(cleaned, b"<html><script>alert(1)</script>" + proof.pdf()) == cleaning.OTHER_KIND
    assert refusal(cleaned, b"\n" + proof.pdf()) == cleaning.OTHER_KIND


def script() -> Dictionary:
    return Dictionary(S=Name.JavaScript, JS=String("app.alert(1)"))


def nested_script(made: pikepdf.Pdf) -> None:
    action = Dictionary(S=Name.GoTo, D=Array([made.pages[0].obj, Name.Fit]), Next=Array([script()]))
    link = Dictionary(Type=Name.Annot, Subtype=Name.Link, Rect=Array([0, 0, 9, 9]), A=action)
    made.pages[0].obj.Annots = Array([link])


def on_the_page(**annotation: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(made: pikepdf.Pdf) -> None:
        made.pages[0].obj.Annots = Array([Dictionary(Type=Name.Annot, Rect=Array([0, 0, 9, 9]), **annotation)])

    return change


def in_the_catalogue(**entries: object) -> Callable[[pikepdf.Pdf], None]:
    def change(made: pikepdf.Pdf) -> None:
        for name, value in entries.items():
            made.Root[f"/{name}"] = value

    return change


@pytest.mark.parametrize(
    "change",
    [
        in_the_catalogue(OpenAction=script()),
        in_the_catalogue(Names=Dictionary(JavaScript=Dictionary(Names=Array([String("a"), script()])))),
        in_the_catalogue(AA=Dictionary(WC=Dictionary(S=Name.Named, N=Name.Print))),
        in_the_catalogue(AcroForm=Dictionary(Fields=Array([]), XFA=Array([String("template")]))),
        in_the_catalogue(OpenAction=Dictionary(S=Name.Launch, F=String("calc.exe"))),
        on_the_page(Subtype=Name.Link, A=Dictionary(S=Name.Launch, F=String("calc.exe"))),
        on_the_page(Subtype=Name.Link, A=Dictionary(S=Name.SubmitForm, F=String("https://evil.example"))),
        on_the_page(Subtype=Name.RichMedia),
        on_the_page(Subtype=Name.Screen, A=Dictionary(S=Name.Rendition)),
        nested_script,
    ],
)
def test_a_pdf_that_acts_by_itself_is_refused(cleaned: Cleaner, change: Callable[[pikepdf.Pdf], None]) -> None:
    assert refusal(cleaned, proof.pdf(1, change)) == cleaning.PDF_ACTIVE


def test_a_pdf_that_only_says_at_which_page_to_open_is_taken(cleaned: Cleaner) -> None:
    def open_at(made: pikepdf.Pdf) -> None:
        made.Root.OpenAction = Array([made.pages[1].obj, Name.Fit])

    became, kept = cleaned(proof.pdf(2, open_at))
    assert became.pages == 2
    assert b"OpenAction" not in kept


def attach(made: pikepdf.Pdf) -> None:
    made.attachments["salary.xlsx"] = b"MZ"


def attach_to_the_page(made: pikepdf.Pdf) -> None:
    held = Dictionary(Type=Name.Filespec, F=String("a.exe"), EF=Dictionary(F=made.make_stream(b"MZ")))
    note = Dictionary(Type=Name.Annot, Subtype=Name.FileAttachment, Rect=Array([0, 0, 9, 9]), FS=held)
    made.pages[0].obj.Annots = Array([note])


@pytest.mark.parametrize("change", [attach, attach_to_the_page])
def test_a_pdf_that_holds_other_files_is_refused(cleaned: Cleaner, change: Callable[[pikepdf.Pdf], None]) -> None:
    assert refusal(cleaned, proof.pdf(1, change)) == cleaning.PDF_ATTACHED


@pytest.mark.parametrize("password", ["", "secret"])
def test_a_protected_pdf_is_refused_whether_or_not_it_opens_without_a_password(cleaned: Cleaner, password: str) -> None:
    locked = proof.pdf(1, encryption=pikepdf.Encryption(owner="owner", user=password))
    assert refusal(cleaned, locked) == cleaning.PDF_LOCKED


def test_fifty_pages_are_enough(cleaned: Cleaner) -> None:
    assert cleaned(proof.pdf(50))[0].pages == 50
    assert refusal(cleaned, proof.pdf(51)) == cleaning.PDF_LONG
    assert refusal(cleaned, proof.pdf(0)) == cleaning.PDF_EMPTY


def test_a_pdf_that_grows_without_end_when_it_is_opened_takes_nothing_else_with_it(cleaned: Cleaner) -> None:
    bomb = proof.object_stream_bomb()
    assert len(bomb) < 1_500_000
    assert refusal(cleaned, bomb) in {cleaning.PDF_BROKEN, cleaning.TOO_MUCH}


def test_a_pdf_nested_without_end_is_refused(cleaned: Cleaner) -> None:
    deep = b"[" * 400 + b"]" * 400
    sent = proof.pdf(1, in_the_catalogue(Deep=pikepdf.Object.parse(deep)))
    assert refusal(cleaned, sent) == cleaning.PDF_BROKEN


def marked(kind: str, *, is_drawn: bool = False, **more: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(made: pikepdf.Pdf) -> None:
        mark = Dictionary(Type=Name.Annot, Subtype=Name(f"/{kind}"), Rect=Array([72, 72, 272, 172]), F=4, **more)
        if is_drawn:
            looks = {"Type": Name.XObject, "Subtype": Name.Form, "BBox": Array([0, 0, 200, 100])}
            mark.AP = Dictionary(N=made.make_stream(b"1 0 0 rg 0 0 200 100 re f", **looks))
        made.pages[0].obj.Annots = Array([made.make_indirect(mark)])
        if kind == "Widget":
            made.Root.AcroForm = Dictionary(Fields=made.pages[0].obj.Annots)

    return change


@pytest.mark.parametrize("mark", [
    marked("Square", IC=Array([0, 0, 0])), marked("Highlight"), marked("Ink"), marked("FreeText"), marked("Stamp"),
    marked("Redact"), marked("Redact", is_drawn=True), marked("Widget", MK=Dictionary(BG=Array([0]))),
])  # fmt: skip
def test_what_is_covered_without_being_part_of_the_page_is_never_uncovered(
    cleaned: Cleaner, mark: Callable[[pikepdf.Pdf], None]
) -> None:
    assert refusal(cleaned, proof.pdf(1, mark)) == cleaning.PDF_UNFIXED


@pytest.mark.parametrize("mark", [marked("Link"), marked("Popup"), marked("Text"), marked("Widget")])
def test_what_covers_nothing_is_left_out(cleaned: Cleaner, mark: Callable[[pikepdf.Pdf], None]) -> None:
    assert cleaned(proof.pdf(1, mark))[0] == Cleaned("pdf", 1)


def test_a_box_that_says_how_it_looks_becomes_part_of_the_page(cleaned: Cleaner, tmp_path: Path) -> None:
    cleaned(proof.pdf(1, marked("Square", is_drawn=True)))
    with Image.open(first_page(tmp_path)) as drawn:
        assert is_red(drawn, (int(drawn.width * 150 / 612), int(drawn.height * (792 - 120) / 792)))


def layered(**shown: Any) -> Callable[[pikepdf.Pdf], None]:
    def change(made: pikepdf.Pdf) -> None:
        layer = made.make_indirect(Dictionary(Type=Name.OCG, Name=String("Fees"), Usage=Dictionary()))
        off = Array([layer]) if shown.pop("hidden", False) else Array()
        made.Root.OCProperties = Dictionary(OCGs=Array([layer]), D=Dictionary(OFF=off, **shown))

    return change


def test_hidden_layers_are_refused_and_visible_ones_are_not(cleaned: Cleaner) -> None:
    for layers in (layered(hidden=True), layered(BaseState=Name.OFF), layered(AS=Array([Dictionary()]))):
        assert refusal(cleaned, proof.pdf(1, layers)) == cleaning.PDF_LAYERS
    opposite = in_the_catalogue(Opposite=Dictionary(Type=Name.OCMD, P=Name.AllOff))
    assert refusal(cleaned, proof.pdf(1, opposite)) == cleaning.PDF_LAYERS
    assert cleaned(proof.pdf(1, layered()))[0].pages == 1


def test_nothing_that_a_program_wrote_beside_the_page_stays(cleaned: Cleaner) -> None:
    def write_beside(made: pikepdf.Pdf) -> None:
        page, secret = made.pages[0].obj, String(proof.SECRET)
        thread = made.make_indirect(Dictionary(Type=Name.Thread, I=Dictionary(Author=secret)))
        page.B = Array([made.make_indirect(Dictionary(Type=Name.Bead, T=thread))])
        page.X_Custom = Dictionary(Author=secret)
        page.Contents.X_Private = secret
        page.Resources = Dictionary(Properties=Dictionary(P=Dictionary(By=secret)), X_Private=secret)

    kept = cleaned(proof.pdf(1, write_beside))[1]
    with pikepdf.open(io.BytesIO(kept)) as read:
        assert proof.SECRET.encode() not in b"".join(each.unparse() for each in read.objects)
        assert read.pages[0].Contents.read_bytes().endswith(b"re f")


def test_a_pdf_that_unpacks_without_end_is_refused_before_it_is_read(cleaned: Cleaner) -> None:
    large = zlib.compress(b" " * (cleaning.MOST_DECODED_OTHERWISE + 1), 9)

    def with_a_stream(content: bytes, *filters: str) -> Callable[[pikepdf.Pdf], None]:
        def change(made: pikepdf.Pdf) -> None:
            made.pages[0].Contents = (stream := made.make_stream(b""))
            stream.write(content, filter=Array([Name(f"/{each}") for each in filters]))

        return change

    for change in (with_a_stream(large, "FlateDecode"), with_a_stream(b"x", "FlateDecode", "FlateDecode")):
        as_it_is = {"stream_decode_level": pikepdf.StreamDecodeLevel.none, "compress_streams": False}
        assert refusal(cleaned, proof.pdf(1, change, **as_it_is)) == cleaning.TOO_MUCH


def test_a_page_that_takes_too_long_to_draw_is_refused(tmp_path: Path) -> None:
    def draw_for_ever(made: pikepdf.Pdf) -> None:
        path = b"0 0 m " + b"".join(b"%d %d l " % (i * 7919 % 600, i * 104729 % 800) for i in range(20_000)) + b"f*"
        form = made.make_stream(path, Type=Name.XObject, Subtype=Name.Form, BBox=Array([0, 0, 600, 800]))
        made.pages[0].obj.Resources = Dictionary(XObject=Dictionary(F=form))
        made.pages[0].Contents = made.make_stream(b"/F Do " * 100)

    (tmp_path / "sent").write_bytes(proof.pdf(1, draw_for_ever))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with pytest.raises(Refused, match="too much"):
        clean(*(tmp_path / name for name in ("sent", "kept", "drawn")))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < SECONDS_A_PAGE + 3


# -- the program -------------------------------------------------------------------------------------------------------
def test_what_opens_strangers_files_knows_no_secret_and_does_not_run_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "x")
    told = confinement.confined("tests.prerequisites.telling")
    assert "SECRET_KEY" not in told["environment"]
    assert set(told["environment"]) <= {"LC_CTYPE", "PYTHONUTF8"}  # Python's own
    assert told["cpu"] == confinement.CPU_SECONDS


def test_one_waits_a_moment_for_a_turn_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(confinement, "A_MOMENT", 0)
    with confinement._turns.turn(), confinement._turns.turn(), pytest.raises(NoTurn):
        confinement.confined("tests.prerequisites.telling")
    assert confinement.confined("tests.prerequisites.telling")


# -- images ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_picture_keeps_its_pixels_and_forgets_the_rest(cleaned: Cleaner, kind: str) -> None:
    telling: dict[str, Any] = {
        "exif": proof.telling_exif(),
        "icc_profile": b"acsp" + proof.SECRET.encode(),
        "dpi": (72, 72),
    }
    extra: dict[str, Any] = {"comment": proof.SECRET} if kind == "JPEG" else {}
    sent = proof.image(kind, **telling, **extra)
    assert sent.count(proof.SECRET.encode()) >= 2 or kind == "PNG"
    became, kept = cleaned(sent)
    assert became == Cleaned(kind.lower(), 1)
    assert proof.SECRET.encode() not in kept
    with Image.open(io.BytesIO(kept)) as read:
        assert (read.format, read.size, dict(read.getexif())) == (kind, (60, 40), {})
        assert set(read.info) <= {"jfif", "jfif_version", "jfif_unit", "jfif_density"}
        assert is_red(read, (5, 5))
        assert not is_red(read, (55, 5))


def test_a_picture_taken_sideways_is_turned_before_it_forgets_that_it_was(cleaned: Cleaner) -> None:
    kept = cleaned(proof.image(exif=proof.telling_exif(orientation=6)))[1]
    with Image.open(io.BytesIO(kept)) as read:
        assert read.size == (40, 60)
        assert is_red(read, (5, 5))


def test_a_png_that_ends_before_its_end_is_refused(cleaned: Cleaner) -> None:
    whole = proof.image("PNG")
    assert refusal(cleaned, whole[: whole.index(b"IEND") - 4]) == cleaning.IMAGE_BROKEN


def test_what_follows_a_picture_does_not_stay(cleaned: Cleaner) -> None:
    for kind in ("JPEG", "PNG"):
        kept = cleaned(proof.image(kind) + proof.archive() + b"<script>alert(1)</script>")[1]
        assert not zipfile.is_zipfile(io.BytesIO(kept))
        assert b"script" not in kept


def test_a_telephones_heic_becomes_a_jpeg_that_says_nothing(cleaned: Cleaner) -> None:
    became, kept = cleaned(proof.heic())
    assert became == Cleaned("jpeg", 1)
    with Image.open(io.BytesIO(kept)) as read:
        assert (read.format, read.size, dict(read.getexif())) == ("JPEG", (64, 48), {})


def test_of_several_pictures_in_one_file_the_first_is_kept(cleaned: Cleaner) -> None:
    second = Image.new("RGB", (60, 40), "blue")
    became, kept = cleaned(proof.image("PNG", save_all=True, append_images=[second]))
    assert became.pages == 1
    assert b"acTL" not in kept


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_every_way_to_write_a_png_can_be_read(cleaned: Cleaner, mode: str) -> None:
    out = io.BytesIO()
    Image.new(mode, (30, 20)).save(out, "PNG")
    assert cleaned(out.getvalue())[0] == Cleaned("png", 1)


def test_a_printers_colours_can_be_read(cleaned: Cleaner) -> None:
    assert cleaned(proof.image(mode="CMYK"))[0] == Cleaned("jpeg", 1)


def test_a_pixel_bomb_is_refused_from_its_header(cleaned: Cleaner) -> None:
    began = time.monotonic()
    assert refusal(cleaned, proof.pixel_bomb()) == cleaning.IMAGE_HUGE
    assert time.monotonic() - began < 5
    assert refusal(cleaned, proof.pixel_bomb(8_000)) == cleaning.IMAGE_HUGE


# -- everything else ---------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "sent",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
        b"<?xml version='1.0'?><svg/>",
        b"<!doctype html><script>alert(1)</script>",
        proof.archive(),
        b"GIF89a" + bytes(100),
        b"MZ" + bytes(100),
        b"II*\0" + bytes(100),
        b"\0\0\0\x1cftypavif" + bytes(100),
        b"\0\0\0\x1cftypmp42" + bytes(100),
        b"%!PS-Adobe-3.0\nshowpage",
        b"a" * 100,
    ],
)
def test_nothing_but_pdf_jpeg_png_and_heic_is_taken_whatever_it_is_called(cleaned: Cleaner, sent: bytes) -> None:
    assert refusal(cleaned, sent) == cleaning.OTHER_KIND


@pytest.mark.parametrize(
    "whole", [proof.pdf(3), proof.image(size=(500, 400)), proof.image("PNG", (500, 400)), proof.heic()]
)
def test_a_file_that_was_cut_short_is_refused_wherever_it_was_cut(cleaned: Cleaner, whole: bytes) -> None:
    for end in (40, len(whole) // 2, len(whole) - len(whole) // 10):
        assert refusal(cleaned, whole[:end]) in {cleaning.PDF_BROKEN, cleaning.IMAGE_BROKEN}


def test_an_empty_file_is_refused(cleaned: Cleaner) -> None:
    assert refusal(cleaned, b"") == cleaning.EMPTY
