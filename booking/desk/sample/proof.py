"""Proof for the sample season, made up here and marked as sample on every page."""

import io

_SHEET = (
    (20, "SAMPLE: NOT A REAL CALL SHEET"),
    (14, "Short Notice (sample)"),
    (11, "Shooting day 3 of 6. Sample Street, Stage Four."),
    (11, "Crew call 7:00 am. Breakfast 6:30 am. Wrap 6:30 pm."),
    (11, "Director of photography, first assistant director, safety: see the sample crew list."),
    (11, "Costume: 6:45 am, trailer 2."),
    (11, "Names of others and pay are blacked out:"),
)
_LEFT, _TOP, _LINE = 72, 720, 34
_BARS = ((72, 470, 260), (72, 444, 180), (72, 418, 220))


def call_sheet() -> bytes:
    """A PDF of one page, written out by hand."""
    words = [
        f"BT /F1 {size} Tf {_LEFT} {_TOP - _LINE * number} Td ({_escaped(text)}) Tj ET"
        for number, (size, text) in enumerate(_SHEET)
    ]
    drawn = "\n".join([*words, "0 g", *(f"{left} {bottom} {width} 16 re f" for left, bottom, width in _BARS)])
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Count 1/Kids[3 0 R]>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
        f"<</Length {len(drawn)}>>stream\n{drawn}\nendstream",
    )
    made, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, start=1):
        places.append(len(made))
        made += f"{number} 0 obj\n{content}\nendobj\n"
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    end = f"trailer<</Size {len(objects) + 1}/Root 1 0 R>>\nstartxref\n{len(made)}\n%%EOF\n"
    return f"{made}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{end}".encode("ascii")


def _escaped(text: str) -> str:
    return text.replace("(", r"\(").replace(")", r"\)")


def photograph() -> bytes:
    """A JPEG of a clapperboard that says what it is."""
    from PIL import Image, ImageDraw  # only who fills a database needs it

    made, out = Image.new("RGB", (1200, 900), "#d8d3c8"), io.BytesIO()
    draw = ImageDraw.Draw(made)
    draw.rectangle((180, 240, 1020, 740), fill="#22252b")
    for stripe in range(7):
        draw.polygon([(180 + stripe * 120, 240), (240 + stripe * 120, 240), (300 + stripe * 120, 150),
                      (240 + stripe * 120, 150)], fill="#f4f1ea" if stripe % 2 else "#22252b")  # fmt: skip
    for number, text in enumerate(("SAMPLE", "Short Notice (sample)", "Scene 14   Take 2", "not a real photograph")):
        draw.text((230, 290 + number * 105), text, fill="#f4f1ea", font_size=64)
    made.save(out, "JPEG", quality=80)
    return out.getvalue()
