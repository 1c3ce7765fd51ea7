"""Who appears in the sample season: the team, trainees who have everything, and those who miss one thing."""

from collections.abc import Iterator
from dataclasses import dataclass

from workshops.people.models import Role
from workshops.prerequisites.check import Rule

LACKING = "lacking-"
WHY = "Sample data."
"""The reason that the history gives."""


@dataclass(frozen=True)
class Someone:
    """A sample person. `lacking` is the code of the one requirement they miss."""

    email: str
    name: str
    role: Role
    pronouns: str = ""
    time_zone: str = "America/Los_Angeles"
    country: str = "US"
    lacking: str = ""
    note: str = ""

    @property
    def label(self) -> str:
        """The role as the table and the tokens' file call it."""
        return f"{LACKING}{self.lacking}" if self.lacking else str(self.role)


TEAM = (
    Someone("registrar@example.org", "Robin Marsh (sample)", Role.REGISTRAR, "they/them", note="runs the desk"),
    Someone(
        "bookkeeper@example.org", "Teodora Ilić (sample)", Role.BOOKKEEPER, "she/her", note="reads the money pages"
    ),
    Someone("amara@example.org", "Amara Osei", Role.INSTRUCTOR, "she/her", note="teaches all three cohorts"),
    Someone("lena@example.org", "Lena Fischer", Role.INSTRUCTOR, "she/they", note="teaches all three cohorts"),
    Someone("dolores@example.org", "Dolores Quintana", Role.MENTOR, "she/her"),
    Someone("kenji@example.org", "Kenji Watanabe", Role.MENTOR, "he/him", "America/Vancouver", "CA"),
    Someone("imogen@example.org", "Imogen Clarke", Role.MENTOR, "they/them", "Europe/London", "GB"),
    Someone("darius@example.org", "Darius Whitfield", Role.MENTOR, "he/him", "America/New_York"),
)
# first name, pronouns, time zone, country; family names turn against them so that combinations repeat late
_FIRST = (
    ("Alex", "they/them", "America/Los_Angeles", "US"),
    ("Priya", "she/her", "Europe/London", "GB"),
    ("Mateo", "he/him", "America/Los_Angeles", "US"),
    ("Noor", "she/they", "America/New_York", "US"),
    ("Wren", "they/them", "America/Vancouver", "CA"),
    ("Ines", "she/her", "America/Los_Angeles", "US"),
    ("Tobias", "he/him", "America/New_York", "US"),
    ("Yara", "she/her", "America/Los_Angeles", "US"),
    ("Callum", "he/they", "Europe/London", "GB"),
    ("Mei", "she/her", "America/Vancouver", "CA"),
    ("Jonah", "he/him", "America/Los_Angeles", "US"),
    ("Sade", "she/her", "Europe/London", "GB"),
    ("Lucía", "ella/she", "America/Los_Angeles", "US"),
    ("Emrys", "ey/em", "America/New_York", "US"),
    ("Anouk", "she/her", "America/Vancouver", "CA"),
    ("Malik", "he/him", "America/Los_Angeles", "US"),
    ("Saoirse", "she/her", "Europe/London", "GB"),
    ("Kai", "he/they", "America/Los_Angeles", "US"),
    ("Zainab", "she/her", "America/New_York", "US"),
    ("Leilani", "she/her", "America/Los_Angeles", "US"),
)
_FAMILY = (
    "Moreno", "Raghavan", "Castellanos", "Haddad", "Sinclair", "Moreau", "Adler", "Mansour", "Reid", "Lin", "Feldman",
    "Adeyemi", "Ibarra", "Vaughn", "Tremblay", "Johnson", "Byrne", "Nakamura", "Siddiqui", "Kealoha", "Novak",
)  # fmt: skip
_LACKING_NAMES = ("Jamie Calloway", "Rosa Delgado", "Femi Balogun", "Petra Lindqvist", "Sam Okafor", "Ada Brandt")


def trainees(number: int) -> Iterator[Someone]:
    """So many who meet every prerequisite."""
    for index in range(number):
        turn, place = divmod(index, len(_FIRST))
        first, pronouns, zone, country = _FIRST[place]
        family = _FAMILY[(place + turn) % len(_FAMILY)]
        address = f"{first.lower().replace('í', 'i')}{turn + 1 if turn else ''}@example.org"
        yield Someone(address, f"{first} {family}", Role.TRAINEE, pronouns, zone, country)


def lacking(rules: list[Rule]) -> Iterator[Someone]:
    """One for each rule, who misses just what that one asks for."""
    for index, rule in enumerate(rules):
        name = _LACKING_NAMES[index % len(_LACKING_NAMES)]
        yield Someone(f"{LACKING}{rule.code}@example.org", name, Role.TRAINEE, lacking=rule.code)
