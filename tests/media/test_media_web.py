"""Media from the web: only public addresses, only media, only so large, only so long."""

import http.server
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from novaforge.tools.datasets.media.limits import MediaError
from novaforge.tools.datasets.media.web import USER_AGENT, WebLimits, checked, is_public, read_web

OPEN = WebLimits(seconds=60, bytes=1000, loopback=True)


def test_a_file_comes_whole_and_the_server_sees_who_asks(web: Any, make: Any) -> None:
    url = web.give("/a%20b.png?x=1&y=%C3%BC", make.png())
    assert b"".join(read_web(f"{web.url}/a b.png?x=1&y=ü#part", OPEN)) == make.png()
    ((path, headers),) = web.asked
    assert url.endswith(path) and headers["User-Agent"] == USER_AGENT


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "255.255.255.255", "192.0.2.1", "[::1]", "[::]", "[fe80::1]", "[fc00::1]", "[fd00:ec2::254]", "[::ffff:127.0.0.1]",
        "[::ffff:169.254.169.254]", "[64:ff9b::7f00:1]", "[2002:7f00:1::]", "[ff02::1]", "2130706433", "0x7f.1", "localhost",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public_are_refused(address: str) -> None:
    with pytest.raises(MediaError, match=r"not a public one|not known") as caught:
        list(read_web(f"http://{address}/latest/meta-data", WebLimits(5, 1000)))
    assert address not in str(caught.value)


def test_public_addresses_pass() -> None:
    for address in ("8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "2002:808:808::"):
        assert is_public(address), address


@pytest.mark.parametrize(
    ("url", "port"), [("http://8.8.8.8/x", 80), ("https://8.8.8.8/x", 443), ("HTTPS://8.8.8.8/x", 443), ("http://8.8.8.8:8443/x", 8443)]
)  # fmt: skip
def test_an_address_without_a_port_has_that_of_its_scheme(url: str, port: int) -> None:
    assert checked(url, loopback=False).port == port


@given(st.ip_addresses())
def test_every_address_is_judged_and_private_ones_never_public(ip: Any) -> None:
    assert not is_public(str(ip)) or not (ip.is_private or ip.is_loopback or ip.is_link_local or ip.is_multicast)


def test_a_name_with_one_private_address_among_public_ones_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, 80)) for ip in ("8.8.8.8", "10.0.0.1")]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **more: found)
    with pytest.raises(MediaError, match="not a public one"):
        checked("http://two.example/", loopback=False)
    found.pop()
    assert checked("http://two.example/", loopback=False).ips == ("8.8.8.8",)


def test_the_connection_goes_to_the_address_that_was_checked(
    web: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that changes its address between the check and the connection gains nothing."""
    port = web.server.server_port
    answers = [[(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]]
    real = socket.getaddrinfo

    def resolve(host: str, *args: Any, **more: Any) -> Any:
        return answers.pop() if host == "moving.example" else real(host, *args, **more)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    web.give("/x", make.png())
    assert b"".join(read_web(f"http://moving.example:{port}/x", OPEN)) == make.png()
    assert not answers and web.asked[0][1]["Host"] == f"moving.example:{port}"


def test_the_next_address_of_a_host_is_tried_when_the_first_is_dead(
    web: Any, make: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = web.server.server_port
    found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (ip, port)) for ip in ("127.0.0.2", "127.0.0.1")]
    monkeypatch.setattr(
        socket,
        "getaddrinfo",
        lambda host, *args, **more: [(*entry[:4], (host, port)) for entry in found[:1]] if host[0].isdigit() else found,
    )
    web.give("/x", make.png())
    assert b"".join(read_web(f"http://two.example:{port}/x", OPEN)) == make.png()


def test_redirects_are_followed_and_checked_again(web: Any, make: Any) -> None:
    web.give("/x.png", make.png())
    web.give("/there", b"", status=302, Location="/x.png")
    assert b"".join(read_web(f"{web.url}/there", OPEN)) == make.png()
    web.give("/round", b"", status=301, Location="/round")
    with pytest.raises(MediaError, match="redirects more than 5 times"):
        list(read_web(f"{web.url}/round", OPEN))
    for location in ("http://169.254.169.254/x", "file:///etc/passwd", "http://[::ffff:10.0.0.1]/", "gopher://x", ""):
        web.give("/inside", b"", status=307, Location=location)
        with pytest.raises(MediaError):
            list(read_web(f"{web.url}/inside", OPEN))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ((404, {"Content-Type": "image/png"}, b"x"), "answered 404"),
        ((200, {"Content-Type": "text/html"}, b"x"), "content type"),
        ((200, {}, b"x"), "content type"),
        ((200, {"Content-Type": "image/png", "Content-Encoding": "gzip"}, b"x"), "compressed"),
        ((200, {"Content-Type": "image/png", "Content-Length": "99999999999"}, b"x"), "more than 1000 bytes"),
        ((200, {"Content-Type": "image/png"}, b"x" * 1001), "more than 1000 bytes"),
    ],
)  # fmt: skip
def test_what_is_no_media_file_within_the_limits_is_refused(web: Any, answer: Any, reason: str) -> None:
    web.answers["/x"] = answer
    with pytest.raises(MediaError, match=reason):
        list(read_web(f"{web.url}/x", OPEN))


def raw(data: bytes) -> Callable[[http.server.BaseHTTPRequestHandler], None]:
    def answer(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return answer


HEAD = b"HTTP/1.0 200 OK\r\nContent-Type: image/png\r\n"


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (HEAD + b"Content-Length: 10\r\n\r\nabc", "cut off|IncompleteRead"), (HEAD + b"\r\n" + b"x" * 1001, "more than 1000"),
        (b"nonsense\r\n\r\n", "BadStatusLine"), (b"", "RemoteDisconnected"), (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200 + b"\r\n", "HTTPException"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "IncompleteRead|ValueError"),
    ],
)  # fmt: skip
def test_a_broken_answer_is_a_stated_error(web: Any, data: bytes, reason: str) -> None:
    web.answers["/x"] = raw(data)
    with pytest.raises(MediaError, match=reason):
        list(read_web(f"{web.url}/x", OPEN))


def test_a_server_that_never_answers_is_given_up(silent_port: int) -> None:
    begun = time.monotonic()
    with pytest.raises(MediaError, match=r"longer than 0\.1 s"):
        list(read_web(f"http://127.0.0.1:{silent_port}/x", OPEN._replace(seconds=0.1)))
    with pytest.raises(MediaError):
        list(read_web(f"https://127.0.0.1:{silent_port}/x", OPEN._replace(seconds=0.1)))
    assert time.monotonic() - begun < 50, "the time it may take is not the default of the socket"


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", HEAD + b"\r\n"])
def test_a_server_that_drips_is_given_up_in_header_and_body(web: Any, head: bytes) -> None:
    """Each byte comes in time; the file as a whole does not."""

    def drip(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.wfile.write(head)
        try:
            while not web.release.wait(0.01):
                handler.wfile.write(b"x")
        except OSError:
            handler.close_connection = True

    web.answers["/x"] = drip
    with pytest.raises(MediaError, match=r"longer than 0\.2 s"):
        list(read_web(f"{web.url}/x", OPEN._replace(seconds=0.2)))


def test_a_url_with_a_password_or_another_scheme_is_refused() -> None:
    for url in ("http://user:secret@example.com/x", "http:///x", "http://", "http://h:99999/x", "ftp://8.8.8.8/x"):
        with pytest.raises(MediaError):
            list(read_web(url, OPEN))


@given(url=st.text(max_size=40).map("http://".__add__))
def test_any_url_is_a_stated_error(url: str) -> None:
    def nowhere(*args: Any, **more: Any) -> Any:
        raise socket.gaierror("no names in this test")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket, "getaddrinfo", nowhere)
        with pytest.raises(MediaError):
            list(read_web(url, OPEN))
