"""Uploads as somebody sends them who wants the server to choke on them: through the real front door."""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.services.server import Product

GIGABYTE = 1024**3
QUICK = 5.0


def said(product: Product, head: str, body: Iterable[bytes] = ()) -> tuple[int, int, float]:
    """Send a request as long as the server listens: its status, how many bytes it let us send, and the seconds."""
    began, sent = time.monotonic(), 0
    with socket.create_connection(("127.0.0.1", product.port), timeout=30) as line:
        line.sendall(head.replace("\n", "\r\n").encode())
        try:
            for chunk in body:
                line.sendall(chunk)
                sent += len(chunk)
        except OSError:
            pass  # it has answered and hung up
        try:
            answer = line.recv(4096)
        except ConnectionResetError:
            answer = b""
    return int(answer.split(b" ", 2)[1]) if answer else 0, sent, time.monotonic() - began


def endless(size: int) -> Iterator[bytes]:
    chunk = bytes(1024 * 1024)
    for _ in range(size // len(chunk)):
        yield chunk


def memory(product: Product) -> int:
    """The most megabytes that any of the processes that serve requests has ever held."""
    statuses = [Path(f"/proc/{pid}/status").read_text() for pid in product.web_processes()]
    return max(int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) // 1024 for status in statuses)


def head(path: str, *lines: str) -> str:
    form = ("Host: localhost", "Content-Type: multipart/form-data; boundary=x")
    return "\n".join((f"POST {path} HTTP/1.1", *form, *lines, "", ""))


def test_two_gigabytes_are_refused_from_their_announcement(product: Product) -> None:
    for path in ("/experience/x/files/", "/accounts/login/", "/api/v1/cohorts", "/nope/"):
        large = head(path, f"Content-Length: {2 * GIGABYTE}")
        status, _, seconds = said(product, large)  # not one byte of the body is waited for
        assert (path, status, seconds < QUICK) == (path, 413, True)
        before = memory(product)
        _, sent, seconds = said(product, large, endless(2 * GIGABYTE))
        assert (path, sent < GIGABYTE // 8, seconds < QUICK) == (path, True, True)
        assert memory(product) - before < 20
    # What would be small enough is not for strangers, whether or not they bring half of a token.
    for cookie in ("", "Cookie: csrftoken=" + "a" * 32):
        status, _, seconds = said(product, head("/experience/x/files/", "Content-Length: 100000000", cookie or "X: y"))
        assert (status, seconds < QUICK) == (302, True)
    # And a body that does not say how long it is is not waited for at all.
    status, _, seconds = said(product, head("/accounts/login/", "Transfer-Encoding: chunked"))
    assert (status, seconds < QUICK) == (411, True)
    assert product.status("/") == 200


def test_forms_that_are_begun_and_not_finished_keep_nobody_from_reading(product: Product) -> None:
    cookie = "Cookie: csrftoken=" + "a" * 32  # with it, the rest of the form is looked for
    lines = [socket.create_connection(("127.0.0.1", product.port), timeout=30) for _ in range(24)]
    try:
        for number, line in enumerate(lines):
            path = "/nope/" if number % 2 else "/accounts/login/"
            line.sendall(head(path, "Content-Length: 100000", cookie).replace("\n", "\r\n").encode() + b"--x")
        began = time.monotonic()
        assert [product.status("/") for _ in range(5)] == [200] * 5
        assert time.monotonic() - began < 2 * QUICK
    finally:
        for line in lines:
            line.close()
