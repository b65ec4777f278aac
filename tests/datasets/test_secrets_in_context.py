"""Secrets and personal data within code, JSON, URLs and markup are found; what only looks like them is not."""

import base64
import json
import random
import string
import uuid
from collections.abc import Callable

import pytest

from novaforge.tools.datasets.analysis.sensitive import kinds_in

RNG = random.Random(11)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UPPER = string.ascii_uppercase + "234567"


def chars(count: int, alphabet: str = ALNUM) -> str:
    return "".join(RNG.choices(alphabet, k=count))


def block(name: str) -> str:
    return f"-----BEGIN {name}PRIVATE " + "KEY-----\n" + "\n".join(chars(64) for _ in range(4))


# Kind and value; put together here so that no scanner takes this file for a leak.
VALUES = {
    "AKIA": ("AWS access key", "AKIA" + chars(16, UPPER)),
    "ASIA": ("AWS access key", "ASIA" + chars(16, UPPER)),
    "aws secret, quoted": ("AWS access key", f"aws_secret_access_key = '{chars(40, ALNUM + '/+')}'"),
    "aws secret, bare": ("AWS access key", f"AWS_SECRET_ACCESS_KEY={chars(40, ALNUM + '/+')}"),
    "aws secret, JSON": ("AWS access key", f'"SecretAccessKey": "{chars(40, ALNUM + "/+")}"'),
    "PKCS 1": ("private key", block("RSA ")),
    "PKCS 8": ("private key", block("")),
    "EC": ("private key", block("EC ")),
    "OpenSSH": ("private key", block("OPENSSH ")),
    "ghp": ("GitHub token", "ghp_" + chars(36)),
    "gho": ("GitHub token", "gho_" + chars(36)),
    "github_pat": ("GitHub token", f"github_pat_{chars(22)}_{chars(59)}"),
    "xoxb": ("Slack token", "xoxb-238976451230-" + chars(24)),
    "xoxp": ("Slack token", "xoxp-238976451230-238976451231-238976451232-" + chars(32, HEX)),
    "sk_live": ("Stripe key", "sk_live_" + chars(24)),
    "rk_live": ("Stripe key", "rk_live_" + chars(24)),
    "JWT": ("JSON web token", f"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiI5ODc2NTQ1NjcifQ.{chars(43)}"),
    "npm": ("npm token", "npm_" + chars(36)),
    "e-mail": ("e-mail address", "jane.miller@uni-bonn.de"),
    "e-mail with a tag": ("e-mail address", "anna.k+lists@posteo.net"),
    "e-mail of digits": ("e-mail address", "734190233@qq.com"),
    "phone, German": ("phone number", "+49 228 7390 4471"),
    "phone, compact": ("phone number", "+4922873904471"),
    "phone, French": ("phone number", "+33 6 12 98 45 67"),
    "phone, US": ("phone number", "(734) 754-5296"),
    "phone, US with points": ("phone number", "734.754.5296"),
    "Visa": ("card number", "4539148803436467"),
    "Mastercard": ("card number", "5425-2334-3010-9903"),
    "American Express": ("card number", "3787 344936 71000"),
    "IBAN": ("bank account (IBAN)", "DE89 3704 0044 0532 0130 00"),
    "IBAN, compact": ("bank account (IBAN)", "GB29NWBK60161331926819"),
    "SSN": ("US social security number", "536-90-4399"),
}
PLACES: dict[str, Callable[[str], str]] = {
    "prose": lambda value: f"As I said, it is {value}.",
    "code": lambda value: f"client = Client(key='{value}', timeout=3)  # todo\nx = 1",
    "JSON": lambda value: json.dumps({"a": 1, "key": value, "z": [1, 2]}),
    "compact JSON": lambda value: json.dumps({"key": value, "z": 2}, separators=(",", ":")),
    "JSON within JSON": lambda value: json.dumps(json.dumps({"key": value})),
    "a URL": lambda value: f"https://host.net/path?a=1&token={value}&b=2",
    "lines": lambda value: f"first line\r\n{value}\r\nlast line",
    "a shell": lambda value: f"export KEY={value}\n",
    "YAML": lambda value: f"key:{value}\n",
    "HTML": lambda value: f'<td class="x">{value}</td>',
    "an attribute": lambda value: f'<a key="{value}"/>',
    "Markdown": lambda value: f"`{value}`, **{value}**",
    "CSV": lambda value: f"1,{value},x",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", VALUES)
def test_what_was_planted_is_found_wherever_it_stands(name: str, place: str) -> None:
    kind, value = VALUES[name]

    assert {found.name for found in kinds_in(PLACES[place](value))} == {kind}


def test_an_address_in_a_link_is_found() -> None:
    assert {found.name for found in kinds_in('<a href="mailto:jane.miller@uni-bonn.de">')} == {"e-mail address"}


NUMBERS = random.Random(4)


def digits(count: int) -> str:
    return str(NUMBERS.randrange(10 ** (count - 1), 10**count))


def hexes(count: int) -> str:
    return "".join(NUMBERS.choices(HEX, k=count))


OTHERS: dict[str, Callable[[], str]] = {
    "UUIDs": lambda: str(uuid.UUID(int=NUMBERS.getrandbits(128), version=4)),
    "git hashes": lambda: f"commit {hexes(40)}, sha256:{hexes(64)}, {hexes(7)}..{hexes(7)}",
    "ETags": lambda: f'"{hexes(32)}-12"',
    "images in base64": lambda: "data:image/png;base64," + base64.b64encode(NUMBERS.randbytes(900)).decode(),
    "base64 for URLs": lambda: base64.urlsafe_b64encode(NUMBERS.randbytes(600)).decode(),
    "versions": lambda: f"{digits(2)}.{digits(2)}.{digits(4)}-rc.{digits(1)}+build.{digits(9)}",
    "orders": lambda: f"order {digits(10)}, #{digits(16)}, {digits(3)}-{digits(7)}-{digits(7)}",
    "times": lambda: f"20{digits(2)}-09-1{digits(1)}T12:2{digits(1)}:33.{digits(6)}+00:00 {digits(13)}",
    "addresses of machines": lambda: f"192.168.{digits(2)}.{digits(2)} fe80::{hexes(4)}:{hexes(4)} {hexes(12)}",
    "ARNs": lambda: f"arn:aws:iam::{digits(12)}:role/Name",
    "numbers": lambda: " ".join(f"{NUMBERS.random() * 10 ** NUMBERS.randrange(6):.9f}" for _ in range(20)),
    "coordinates": lambda: f"{NUMBERS.random() * 90:.6f},-{NUMBERS.random() * 180:.6f}",
    "hex dumps": lambda: "\n".join(f"{at * 16:08x}  " + " ".join(hexes(2) for _ in range(16)) for at in range(16)),
    "stack traces": lambda: f"at com.foo.Bar(Bar.java:{digits(3)}) ~[lib-1.2.jar:na] 0x{hexes(16)} @{hexes(7)}",
    "names of messages": lambda: f"Message-ID: <{digits(14)}.{digits(6)}@ap{digits(3)}rt.us.oracle.com>",
    "logins": lambda: f"ssh ubuntu@web{digits(2)}.prod.net; scp a.txt deploy@web{digits(2)}.prod.net:/var/www",
    "names that stand for anybody": lambda: "john.doe@gmail.com, jane_doe1@web.de, john.smith@mail.com, you@firm.com",
    "repositories": lambda: "git clone git@gitlab.com:a/b.git; pip install git+ssh://git@bitbucket.org/x/y.git",
    "packages": lambda: f"@types/node@{digits(2)}.{digits(2)}.0 typescript@latest a@b.T image@2x.png",
    "databases of one's own": lambda: (
        "mysql://root:root@localhost:3306 http://admin:s3cr@127.0.0.1 amqp://guest:guest@mq"
    ),
    "mentions of keys": lambda: 'pem.replace("-----BEGIN PRIVATE ' + 'KEY-----", "").replace("\\n", "")',
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_only_looks_like_it_is_left_alone(name: str) -> None:
    assert [kind for _ in range(300) for kind in kinds_in(OTHERS[name]())] == []


def test_a_table_of_long_numbers_holds_next_to_no_cards() -> None:
    """One number in ten passes the check of its last digit by chance; those beside one that does not are left alone."""
    tables = ["\n".join(" ".join(digits(4) for _ in range(4)) for _ in range(20)) for _ in range(300)]

    assert sum(bool(kinds_in(table)) for table in tables) <= 6


def test_cards_below_each_other_are_found() -> None:
    assert {kind.name for kind in kinds_in("4539 1488 0343 6467\n5425 2334 3010 9903\n")} == {"card number"}
