"""Personal data in a text: e-mail addresses, phone numbers, cards, bank accounts, US social security numbers."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from novaforge.tools.datasets.analysis.kinds import Kind

_EMAIL = re.compile(r"(?<![\w.+/-])([\w.+-]{1,64})@((?:[A-Za-z0-9-]{1,63}\.)+([A-Za-z]{2,24}))(?![\w-]|\.\w|:[/~])")
_EMAIL_BEFORE, _EMAIL_AFTER = 100, 200
_NO_EMAIL_BEFORE = re.compile(r"://[^\s/@]*:$|\b(?:ssh|scp|sftp|rsync)(?: +-\w+)? +$", re.IGNORECASE)
"""A password in a URL, and where to log in on another machine."""
_STAMP = 14
"""An address with so many digits before the @ is the name of one message: 14 are a date with its time."""
_PHONE = re.compile(
    r"(?<![\w.+/-])(?:\+[1-9]\d{0,2}[ .-]?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"
    r"|\(\d{3}\) ?\d{3}[ .-]\d{4}|[2-9]\d{2}([.-])[2-9]\d{2}\1\d{4})(?![\w.-]*\d)"
)
_CARD = re.compile(
    r"(?<![\w.+#-])(?<!\d )(?:\d{4}([ -]?)\d{4}\1\d{4}\1\d{4}|3[47]\d{2}([ -]?)\d{6}\2\d{5})(?!\w|[.,]\d|[ -]\d)"
)
_LONG_NUMBER = r"(?<!\d)\d{4}([ \t-]?)\d{4}\1\d{4}\1\d{3,4}(?!\d)"
_NUMBER_BEFORE, _NUMBER_AFTER = re.compile(_LONG_NUMBER + r"[\s,;|]{1,3}$"), re.compile(r"[\s,;|]{1,3}" + _LONG_NUMBER)
_NEARBY = 30
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}(?![\w-])")

_NO_DOMAINS = frozenset(
    ("example", "domain", "mydomain", "yourdomain", "company", "mycompany", "yourcompany", "email", "mail", "test", "foo",
     "bar", "abc", "xyz", "site", "website", "host", "server", "sample", "acme", "contoso", "somewhere")
)  # fmt: skip
"""Names that stand for any domain in examples."""
_NO_BOXES = re.compile(
    r"git|no-?reply|user(name)?\d*|some(one|body)|name|e?-?mail|you|your.*|my.*|test.*|sample.*|example.*|foo|bar|abcd?|xyz|admin|boss|j(ohn|ane)[._-]?(doe|smith)?\d*|root|ubuntu|ec2-user|centos|debian|vagrant|hg|svn",
    re.IGNORECASE,
)
"""Names that stand for any person in examples."""
_NO_TOP_LEVEL = frozenset(
    ("png", "jpg", "jpeg", "gif", "svg", "js", "css", "html", "py", "rb", "java", "test", "example", "invalid", "local",
     "localhost", "localdomain", "internal", "json", "xml", "md", "txt", "zip", "gz", "so", "dll", "jar", "exe")
)  # fmt: skip
_TEST_CARDS = frozenset(
    ("4111111111111111", "4242424242424242", "5555555555554444", "4012888888881881", "378282246310005",
     "371449635398431", "5105105105105100", "4000000000000002")
)  # fmt: skip
_TEST_SSN = frozenset(("123-45-6789", "078-05-1120", "219-09-9999", "111-11-1111"))
_IBAN_CHARS = {"NO": 15, "BE": 16, "DK": 18, "FI": 18, "NL": 18, "AT": 20, "CH": 21, "DE": 22, "GB": 22, "IE": 22, "AE": 23, "ES": 24, "PT": 25, "SE": 24, "CZ": 24, "SK": 24, "RO": 24, "SA": 24, "TR": 26, "FR": 27, "GR": 27, "IT": 27, "PL": 28, "HU": 28, "LU": 20, "LT": 20, "LV": 21, "EE": 20, "SI": 19, "HR": 21, "BG": 22, "CY": 28, "MT": 31, "IS": 26, "LI": 21, "IL": 23, "BR": 29, "UA": 29}  # fmt: skip
"""Country to length of its account numbers (the IBAN registry)."""


class Pattern(NamedTuple):
    """One kind of personal data: where it may be, and whether what stands there is one."""

    kind: Kind
    find: Callable[[str], Iterable[re.Match[str]]]
    real: Callable[[re.Match[str]], bool]


def personal_kinds(text: str, patterns: Iterable[Pattern]) -> set[Kind]:
    """Return the kinds of personal data a text seems to hold, of those looked for."""
    return {each.kind for each in patterns if any(map(each.real, each.find(text)))}


def _emails(text: str) -> Iterator[re.Match[str]]:
    """Yield what may be addresses; only the surroundings of each @ are searched, which a whole text would make slow."""
    at = text.find("@")
    while at >= 0:
        start = max(0, at - _EMAIL_BEFORE)
        around = _EMAIL.finditer(text[start : at + _EMAIL_AFTER])
        yield from (match for match in around if match.end(1) == at - start)
        at = text.find("@", at + 1)


def luhn(digits: str) -> bool:
    """Tell whether the last digit checks the others, as on cards."""
    doubled = (sum(divmod(2 * int(digit), 10)) for digit in digits[-2::-2])
    return (sum(map(int, digits[-1::-2])) + sum(doubled)) % 10 == 0


def iban(text: str) -> bool:
    """Tell an account number of the right length whose two check digits fit."""
    compact = text.replace(" ", "")
    if _IBAN_CHARS.get(compact[:2]) != len(compact):
        return False
    return int("".join(str(int(char, 36)) for char in compact[4:] + compact[:4])) % 97 == 1


def _email(match: re.Match[str]) -> bool:
    box, domain, top = match.group(1), match.group(2).lower(), match.group(3).lower()
    if top in _NO_TOP_LEVEL or _NO_BOXES.fullmatch(box) or sum(map(str.isdigit, box)) >= _STAMP:
        return False
    if _NO_EMAIL_BEFORE.search(match.string[: match.start()]):
        return False
    return _NO_DOMAINS.isdisjoint(domain.split("."))


def _phone(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    # Fictional numbers have exchange 555; made-up ones count up or repeat one digit.
    made_up = "555" in digits[:6] or "123456" in digits or len(set(digits)) < 4
    return 9 <= len(digits) <= 15 and not made_up


def _card(match: re.Match[str]) -> bool:
    digits = re.sub(r"\D", "", match.group())
    brand = re.match(r"4|5[1-5]|2[2-7]|3[47]|6011|65|35", digits) is not None
    return brand and digits not in _TEST_CARDS and len(set(digits)) > 3 and luhn(digits) and not _among_numbers(match)


def _among_numbers(match: re.Match[str]) -> bool:
    """Tell a number next to one of the same form that no card has: a table of numbers, of which one in ten passes by chance."""
    before = _NUMBER_BEFORE.search(match.string[max(0, match.start() - _NEARBY) : match.start()])
    after = _NUMBER_AFTER.match(match.string[match.end() : match.end() + _NEARBY])
    return any(each and not luhn(re.sub(r"\D", "", each.group())) for each in (before, after))


ADDRESSES = (Pattern(Kind("e-mail address", "high", personal=True), _emails, _email),)
NUMBERS = (
    Pattern(Kind("phone number", "medium", personal=True), _PHONE.finditer, _phone),
    Pattern(Kind("card number", "medium", personal=True), _CARD.finditer, _card),
    Pattern(Kind("bank account (IBAN)", "high", personal=True), _IBAN.finditer, lambda match: iban(match.group())),
    Pattern(
        Kind("US social security number", "medium", personal=True),
        _SSN.finditer,
        lambda match: match.group() not in _TEST_SSN,
    ),
)
"""Confidence: high where a checksum or the form leaves little room, medium where other numbers can look the same."""
