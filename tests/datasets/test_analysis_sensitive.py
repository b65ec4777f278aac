"""Secrets and personal data: every kind is found where it was planted, examples and ordinary text are left alone."""

import base64
import random
import string

import pytest

from novaforge.tools.datasets.analysis.check import CheckSettings, RowView
from novaforge.tools.datasets.analysis.personal import iban, luhn
from novaforge.tools.datasets.analysis.registry import make_checks
from novaforge.tools.datasets.analysis.sensitive import kinds_in

RNG = random.Random(0)


def chars(count: int, alphabet: str = string.ascii_letters + string.digits) -> str:
    return "".join(RNG.choices(alphabet, k=count))


JWT = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"JWT"}').decode().rstrip("=")
UPPER = string.ascii_uppercase + string.digits
HEX = "0123456789abcdef"
# Put together here so that no scanner takes this file for a leak.
PLANTED = {
    "AWS access key": "AKIA" + chars(16, UPPER.replace("1", "")),
    "Azure storage key": "AccountKey=" + chars(86) + "==",
    "password in a URL": "postgres://app:" + "h4Zk9q" + "@db.internal/x",
    "GitHub token": "ghp_" + chars(36),
    "GitLab token": "glpat-" + chars(22),
    "JSON web token": JWT + "." + JWT + "." + chars(43),
    "Mailchimp key": chars(32, HEX) + "-us14",
    "npm token": "//registry.npmjs.org/:_authToken=" + "npm_" + chars(36),
    "OpenAI key": "sk-" + chars(20) + "T3BlbkFJ" + chars(20),
    "private key": "-----BEGIN RSA " + "PRIVATE KEY-----\n" + chars(64) + "\n" + chars(64),
    "PyPI token": "pypi-AgEIcHlwaS5vcmc" + chars(80),
    "SendGrid key": "SG." + chars(22) + "." + chars(43),
    "Slack token": "xoxb-" + "238976451230-" + chars(24, string.ascii_lowercase),
    "Square token": "sq0csp-" + chars(43),
    "Stripe key": "sk_live_" + chars(24),
    "Telegram token": "987650321:" + chars(35),
    "Twilio key": "AC" + chars(32, HEX),
    "Anthropic key": "sk-ant-api03-" + chars(60),
    "Google API key": "AIza" + chars(35),
    "Hugging Face token": "hf_" + chars(34, string.ascii_letters),
    "e-mail address": "write to jane.miller@uni-bonn.de please",
    "phone number": "call +49 228 7390 4471 today",
    "card number": "card 4539 1488 0343 6467 was charged",
    "bank account (IBAN)": "pay to DE89 3704 0044 0532 0130 00 now",
    "US social security number": "his number is 536-90-4399.",
}


@pytest.mark.parametrize("kind", PLANTED)
def test_each_kind_is_found_within_other_text(kind: str) -> None:
    text = f"some words before, {PLANTED[kind]} and words after"

    assert kind in {found.name for found in kinds_in(text)}


@pytest.mark.parametrize(
    "text",
    [
        "key AKIAIOSFODNN7EXAMPLE of the manual",
        "http://user:password@localhost/ and http://user:${PASS}@host/",
        "mail user@example.com, test@gmail.com, you@yourdomain.com or git@github.com:a/b.git",
        "image@2x.png and lodash@4.17.21 and @app.route and foo@bar.py",
        "call (555) 555-0123 or 123-456-7890",
        "test card 4242 4242 4242 4242, 4111111111111111",
        "SSN 123-45-6789, 000-12-3456, 987-65-4321",
        "2020-01-02 10:11:12, 192.168.100.200, 3.14159265358979, 1234567890123456",
        "4314 4307 4304 4320 4308 4307 4304 4325 4322 4312",
        "GB00 1234 5678 9012 3456 78",
        "x = 12+345678901234 - 5551234",
        "aws keys are passed as token in the header",
        "for (i = 0; i < 10; i++) { a[i] = b[i] @ c; }",
    ],
)
def test_examples_and_other_numbers_are_left_alone(text: str) -> None:
    assert kinds_in(text) == set()


@pytest.mark.parametrize(
    ("digits", "valid"), [("4539148803436467", True), ("4539148803436468", False), ("79927398713", True)]
)
def test_the_last_digit_of_a_card_checks_the_others(digits: str, valid: bool) -> None:
    assert luhn(digits) is valid


@pytest.mark.parametrize(
    ("text", "valid"),
    [("GB82 WEST 1234 5698 7654 32", True), ("GB82 WEST 1234 5698 7654 33", False), ("XX82 1234", False)],
)
def test_an_account_number_has_its_country_s_length_and_check_digits(text: str, valid: bool) -> None:
    assert iban(text) is valid


def test_findings_give_kinds_counts_and_lines_and_never_values() -> None:
    rows = [RowView(line, "nothing here", "ok", ("nothing here", "ok")) for line in range(1, 51)]
    for line, kind in ((7, "GitHub token"), (9, "GitHub token"), (11, "e-mail address"), (12, "Twilio key")):
        rows[line - 1] = RowView(line, PLANTED[kind], "", (PLANTED[kind],))
    (check,) = make_checks(CheckSettings(), ["secrets"])
    for start in range(0, 50, 8):
        check.merge("", check.scan(rows[start : start + 8]))
    check.merge("other", check.scan(rows))

    found = check.findings(50)

    assert [(each.rule, each.severity, each.count, each.line) for each in found] == [
        ("DQ4-secret", "confirm", 2, 7),
        ("DQ4-secret-maybe", "warn", 1, 12),
        ("DQ4-personal", "warn", 1, 11),
    ]
    assert "GitHub token, confidence high: 2 rows, lines 7, 9" in found[0].message
    assert not any(value[:12] in str(found) for value in PLANTED.values())


def test_random_text_numbers_and_code_have_next_to_no_finds() -> None:
    """The chance of a false find is under one in a thousand rows of 900 characters."""
    rng = random.Random(1)
    words = [chars(rng.randint(2, 9), string.ascii_lowercase) for _ in range(500)]
    false = 0
    for _ in range(1000):
        parts = [
            rng.choice((rng.choice(words), str(rng.randrange(10 ** rng.randint(1, 12))), chars(8))) for _ in range(130)
        ]
        false += bool(kinds_in(" ".join(parts)))
    assert false <= 1
