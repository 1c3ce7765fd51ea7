"""Walks the product as a browser does: follows its links and finds its forms, whatever pages there are."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

from django.test import Client
from django.urls import Resolver404, resolve

PAGES_OF_ONE_KIND = 2
"""So many addresses of one view are looked at: more would show the same forms again."""


@dataclass
class Form:
    """A form as a page shows it: where it goes and what it would send as it stands."""

    action: str
    method: str
    is_upload: bool = False
    fields: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)
    """The names of its fields for files."""

    @property
    def shape(self) -> tuple[str, ...]:
        """What makes two forms the same kind of form: the view they go to, and their fields."""
        return (kind_of(self.action), *sorted(self.fields), *self.files)


class _Reader(HTMLParser):
    def __init__(self, address: str) -> None:
        super().__init__()
        self.address, self.links, self.forms = address, list[str](), list[Form]()
        self._form: Form | None = None
        self._select = self._textarea = ""
        self._by_id = dict[str, Form]()
        self._outside, self._elsewhere = list[tuple[str, dict[str, str]]](), list[tuple[Form | str, str]]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "a" and "href" in given:
            self.links.append(urljoin(self.address, given["href"]))
        elif tag == "form":
            action = urljoin(self.address, given.get("action") or self.address)
            upload = "multipart" in given.get("enctype", "")
            self._form = Form(action, given.get("method", "get").lower(), upload)
            self.forms.append(self._form)
            self._by_id[given.get("id", "")] = self._form
        elif tag in {"input", "select", "textarea", "button"} and given.get("form"):
            self._outside.append((given["form"], given))
        elif self._form is not None:
            self._control(self._form, tag, given)
        if tag == "button" and "formaction" in given and (given.get("form") or self._form):
            self._elsewhere.append((given.get("form") or self._form or "", urljoin(self.address, given["formaction"])))

    def close(self) -> None:
        """Give each form the controls that stand outside it, and each other address that a button sends it to."""
        super().close()
        for name, given in self._outside:
            if (form := self._by_id.get(name)) and given.get("name"):
                form.fields.setdefault(given["name"], [given.get("value", "")])
        for told, action in self._elsewhere:
            if form := self._by_id.get(told) if isinstance(told, str) else told:
                self.forms.append(replace(form, action=action))

    def _control(self, form: Form, tag: str, given: dict[str, str]) -> None:
        name = given.get("name", "")
        if tag == "select":
            self._select = name
            form.fields.setdefault(name, [])
        elif tag == "option" and self._select:
            if "selected" in given or not form.fields[self._select]:
                form.fields[self._select] = [given.get("value", "")]
        elif tag == "textarea" and name:
            self._textarea = name
            form.fields[name] = [""]
        elif name and given.get("type") == "file":
            form.files.append(name)
        elif name and (tag == "input" or (tag == "button" and given.get("value"))):
            chosen = given.get("type") not in {"radio", "checkbox"} or "checked" in given
            value = given.get("value", "on")
            kept = form.fields.setdefault(name, [])
            if chosen or not kept:
                kept[:] = [value]

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._form = None
        elif tag == "select":
            self._select = ""
        elif tag == "textarea":
            self._textarea = ""

    def handle_data(self, data: str) -> None:
        if self._form is not None and self._textarea:
            self._form.fields[self._textarea][0] += data


def kind_of(address: str) -> str:
    """Which view an address belongs to."""
    try:
        found = resolve(urlsplit(address).path)
    except Resolver404:
        return address
    return found.view_name or found.route


def forms_of(client: Client, *starts: str) -> Iterator[Form]:
    """Every form that someone who follows links from `starts` would meet, one of each shape.

    Each of `starts` is looked at, however many of them are of one kind.
    """
    waiting, seen = list(starts), dict[str, int]()
    visited, shapes = set[str](), set[tuple[str, ...]]()
    while waiting:
        address = urlsplit(waiting.pop(0))
        path = address.path
        if address.netloc not in {"", "testserver"} or address.scheme not in {"", "http"} or path in visited:
            continue
        visited.add(path)
        kind = kind_of(path)
        seen[kind] = seen.get(kind, 0) + 1
        if (seen[kind] > PAGES_OF_ONE_KIND and path not in starts) or path.startswith("/static/"):
            continue
        answer = client.get(path, follow=True)
        assert answer.status_code < 500, path
        if "html" not in answer.headers.get("Content-Type", ""):
            continue
        shown = answer.redirect_chain[-1][0] if answer.redirect_chain else path
        reader = _Reader(f"http://testserver{shown}" if shown.startswith("/") else shown)
        reader.feed(answer.content.decode())
        reader.close()
        waiting += reader.links
        for form in reader.forms:
            if form.shape not in shapes:
                shapes.add(form.shape)
                yield form
