"""What programs that show calendars need to be told, and what kind of program it is that fetches one. Pure."""

import re
from dataclasses import dataclass
from urllib.parse import quote, urlencode

import segno
from django.utils.safestring import SafeString, mark_safe

from booking.calendars.models import Client

_NAMES: tuple[tuple[Client, tuple[str, ...]], ...] = (
    (Client.GOOGLE, ("google-calendar-importer", "googlebot", "google.com")),
    (Client.THUNDERBIRD, ("thunderbird", "lightning/")),
    (Client.OUTLOOK, ("outlook", "microsoft.exchange", "microsoft exchange", "microsoft office", "office365")),
    (Client.APPLE, ("dataaccessd", "calendaragent", "calendard/", "icloud", "remindd", "ical/")),
)
"""What these programs call themselves, in small letters. Thunderbird and Outlook also name the system they run on."""
_OF_APPLES_SYSTEM = re.compile(r"(?:ios|ipados|macos|mac[ +]os[ +]x|watchos|visionos)/")
"""How the services of Apple's own systems begin: `iOS/17.5 (21F79) dataaccessd/1.0`. Browsers begin with Mozilla."""


def client_of(user_agent: str) -> Client:
    """What kind of program calls itself so: one of a closed list, never what it says itself."""
    said = user_agent[:500].lower()
    for client, names in _NAMES:
        if any(name in said for name in names):
            return client
    return Client.APPLE if _OF_APPLES_SYSTEM.match(said) else Client.OTHER


@dataclass(frozen=True)
class Ways:
    """How to subscribe to the calendar at this `https` address, which has this name."""

    https: str
    name: str

    @property
    def webcal(self) -> str:
        """What a calendar program on the same machine takes for itself."""
        return f"webcal://{self.https.partition('://')[2]}"

    @property
    def google(self) -> str:
        """Google Calendar, which asks whether to add it. It takes `webcal` alone, and no `https`."""
        return f"https://calendar.google.com/calendar/render?cid={quote(self.webcal, safe='')}"

    @property
    def outlook(self) -> str:
        """Outlook.com, for private accounts. It fetches `https` alone."""
        return f"https://outlook.live.com/calendar/0/addfromweb?{self._for_microsoft}"

    @property
    def microsoft_365(self) -> str:
        """Outlook on the web, for accounts of work or school."""
        return f"https://outlook.office.com/calendar/0/addfromweb?{self._for_microsoft}"

    @property
    def _for_microsoft(self) -> str:
        return urlencode({"url": self.https, "name": self.name}, quote_via=quote)

    @property
    def qr(self) -> SafeString:
        """The `webcal` address as a QR code for a phone's camera: SVG to stand in a page, without style attributes.

        Four modules of white around it (ISO/IEC 18004) and always dark on light, whatever the theme: some cameras read
        no other.
        """
        code = segno.make(self.webcal, error="m", micro=False)
        drawn = code.svg_inline(border=4, dark="#000", light="#fff", omitsize=True, svgclass=None, lineclass=None)
        return mark_safe(drawn)  # noqa: S308  (drawn from the modules; no text of the address stands in it)
