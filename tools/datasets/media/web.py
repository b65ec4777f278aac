"""Read media from public web addresses: never from this machine's own network, never for longer than allowed."""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple
from urllib.parse import SplitResult, quote, urljoin, urlsplit

from novaforge.tools.datasets.media.limits import MediaError

USER_AGENT = "novaforge-mcp (copies media of a training data set)"
_TYPES = ("image/", "video/", "application/pdf")
_REDIRECTS = {301, 302, 303, 307, 308}
_MOST_REDIRECTS = 5
_CHUNK = 64 * 1024
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


class WebLimits(NamedTuple):
    """How long one file may take in seconds, its largest size in bytes, and whether loopback addresses are allowed."""

    seconds: float
    bytes: int
    loopback: bool = False


class _Place(NamedTuple):
    """An address that was checked: what the request names, and the IPs the socket may go to."""

    parts: SplitResult
    host: str
    port: int
    ips: tuple[str, ...]


def read_web(url: str, limits: WebLimits) -> Iterator[bytes]:
    """Yield the bytes of a public file in pieces. Raises MediaError, which names the reason and not the address."""
    with _watched(limits.seconds) as watch:
        try:
            yield from _pieces(url, limits, watch)
        except (OSError, http.client.HTTPException, ValueError) as error:
            if watch.rang or isinstance(error, TimeoutError):
                raise MediaError(f"the server took longer than {limits.seconds:g} s") from error
            if isinstance(error, MediaError):
                raise
            raise MediaError(f"the server could not be read: {type(error).__name__}") from error


class _Watch:
    """Closes the socket in use when the time is over, whatever it waits for: a slow header, a drip of bytes."""

    def __init__(self) -> None:
        self.rang = False
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None

    def follow(self, used: socket.socket) -> None:
        with self._lock:
            self._socket = used
            if self.rang:
                raise TimeoutError("the time is over")

    def ring(self) -> None:
        with self._lock:
            self.rang = True
            if self._socket is not None:
                with suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


@contextmanager
def _watched(seconds: float) -> Generator[_Watch]:
    watch = _Watch()
    timer = threading.Timer(seconds, watch.ring)
    timer.daemon = True
    timer.start()
    try:
        yield watch
    finally:
        timer.cancel()


def _pieces(url: str, limits: WebLimits, watch: _Watch) -> Iterator[bytes]:
    for _ in range(_MOST_REDIRECTS + 1):
        place = checked(url, loopback=limits.loopback)
        connection = _Connection(place, limits.seconds, watch)
        try:
            response = _ask(connection, place)
            if response.status in _REDIRECTS:
                url = urljoin(url, response.getheader("Location") or "")
                continue
            _refuse(response, limits)
            yield from _body(response, limits, watch)
            return
        finally:
            connection.close()
    raise MediaError(f"the server redirects more than {_MOST_REDIRECTS} times")


def checked(url: str, *, loopback: bool) -> _Place:
    """Return where an address leads, every IP of its host being public. Raises MediaError otherwise."""
    parts = urlsplit(url)
    if parts.scheme.lower() not in {"http", "https"} or not parts.hostname:
        raise MediaError("the address is not http(s)")
    if parts.username is not None or parts.password is not None:
        raise MediaError("the address holds a user name or password")
    port = parts.port or (443 if parts.scheme.lower() == "https" else 80)
    try:
        found = socket.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise MediaError("the host is not known") from error
    ips = tuple(dict.fromkeys(str(entry[4][0]).split("%")[0] for entry in found))
    # All of them, since a name that answers with a public and a private address is made for getting past a check.
    if not ips or not all(is_public(ip) or (loopback and ipaddress.ip_address(ip).is_loopback) for ip in ips):
        raise MediaError("the address is not a public one")
    return _Place(parts, parts.hostname, port, ips)


def is_public(text: str) -> bool:
    """Tell an IP address that is reachable for everybody, also when it hides another one (mapped, 6to4, Teredo, NAT64)."""
    ip = ipaddress.ip_address(text)
    if isinstance(ip, ipaddress.IPv6Address):
        inner = [ip.ipv4_mapped, ip.sixtofour, *(ip.teredo or ())]
        if ip in _NAT64:
            inner.append(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF))
        if any(hidden is not None and not is_public(str(hidden)) for hidden in inner):
            return False
        if ip.ipv4_mapped is not None:
            return True
    return ip.is_global and not ip.is_multicast


class _Connection(http.client.HTTPConnection):
    """Connects to the very IPs that were checked; TLS still verifies the host's name."""

    def __init__(self, place: _Place, seconds: float, watch: _Watch) -> None:
        super().__init__(place.host, place.port, timeout=seconds)
        self._place = place
        self._seconds = seconds
        self._watch = watch

    def connect(self) -> None:
        """Open the socket, with TLS for https."""
        self.sock = self._reach()
        self._watch.follow(self.sock)
        if self._place.parts.scheme.lower() == "https":
            self.sock = ssl.create_default_context().wrap_socket(self.sock, server_hostname=self._place.host)
            self._watch.follow(self.sock)

    def _reach(self) -> socket.socket:
        """Return a socket to the first IP that answers."""
        *others, last = self._place.ips
        for ip in others:
            # Half the time at most, so that a host whose first address is dead is still read.
            with suppress(OSError):
                return socket.create_connection((ip, self._place.port), self._seconds / (2 * len(others)))
        return socket.create_connection((last, self._place.port), self._seconds)


def _ask(connection: _Connection, place: _Place) -> http.client.HTTPResponse:
    path = quote(place.parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(place.parts.query, safe="/%:@!$&'()*+,;=~-._?")
    headers = {"User-Agent": USER_AGENT, "Accept": "image/*, video/*, application/pdf", "Accept-Encoding": "identity"}
    connection.request("GET", f"{path}?{query}" if query else path, headers=headers)
    return connection.getresponse()


def _refuse(response: http.client.HTTPResponse, limits: WebLimits) -> None:
    if response.status != 200:
        raise MediaError(f"the server answered {response.status}")
    said = (response.getheader("Content-Type") or "").split(";")[0].strip().lower()
    if not said.startswith(_TYPES):
        raise MediaError("the server's content type is no image, video or PDF")
    if response.getheader("Content-Encoding", "identity") != "identity":
        raise MediaError("the server's answer is compressed")
    if response.length is not None and response.length > limits.bytes:
        raise MediaError(f"the file has more than {limits.bytes} bytes")


def _body(response: http.client.HTTPResponse, limits: WebLimits, watch: _Watch) -> Iterator[bytes]:
    expected, seen = response.length, 0
    # read1 returns what has come; read would wait for the whole piece, byte by byte from a slow server.
    while piece := response.read1(_CHUNK):
        seen += len(piece)
        if seen > limits.bytes:
            raise MediaError(f"the file has more than {limits.bytes} bytes")
        yield piece
    if watch.rang:
        raise TimeoutError("the time is over")
    if expected is not None and seen != expected:
        raise MediaError("the server's answer was cut off")
