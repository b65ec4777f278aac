"""Keys and tokens in a text, by detect-secrets and a few forms it does not know."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from novaforge.tools.datasets.analysis.kinds import Confidence, Kind

_PLUGINS: dict[str, tuple[str, Confidence]] = {
    "aws.AWSKeyDetector": ("AWS access key", "high"),
    "azure_storage_key.AzureStorageKeyDetector": ("Azure storage key", "high"),
    "cloudant.CloudantDetector": ("Cloudant credentials", "high"),
    "github_token.GitHubTokenDetector": ("GitHub token", "high"),
    "gitlab_token.GitLabTokenDetector": ("GitLab token", "high"),
    "jwt.JwtTokenDetector": ("JSON web token", "high"),
    "mailchimp.MailchimpDetector": ("Mailchimp key", "medium"),
    "openai.OpenAIDetector": ("OpenAI key", "high"),
    "pypi_token.PypiTokenDetector": ("PyPI token", "high"),
    "sendgrid.SendGridDetector": ("SendGrid key", "high"),
    "slack.SlackDetector": ("Slack token", "high"),
    "square_oauth.SquareOAuthDetector": ("Square token", "high"),
    "stripe.StripeDetector": ("Stripe key", "high"),
    "telegram_token.TelegramBotTokenDetector": ("Telegram token", "medium"),
    "twilio.TwilioKeyDetector": ("Twilio key", "medium"),
}
"""Detectors of detect-secrets that know a form of their own. Its keyword and entropy detectors are left out: in running text
and code they find words, not secrets; its detectors of npm tokens, private keys and passwords in URLs are replaced below, since they
miss tokens in markup, take the mention of a key's first line for a key, and the defaults of a database on one's own machine for
a password."""
_OTHERS: dict[Kind, re.Pattern[str]] = {
    Kind("OpenAI key", "high"): re.compile(r"\bsk-proj-[\w-]{40,}"),
    Kind("Anthropic key", "high"): re.compile(r"\bsk-ant-[a-z0-9]+-[\w-]{40,}"),
    Kind("Google API key", "high"): re.compile(r"\bAIza[\w-]{35}(?![\w-])"),
    Kind("Hugging Face token", "high"): re.compile(r"\bhf_[A-Za-z]{34}\b"),
    Kind("GitHub token", "high"): re.compile(r"\bgithub_pat_\w{60,}"),
    Kind("AWS access key", "high"): re.compile(
        r"(?i:secret[_ .-]?access[_ .-]?key)[\s\"'\\]{0,6}[:=][\s\"'\\]{0,6}([A-Za-z0-9/+]{40})(?![A-Za-z0-9/+=])"
    ),
    Kind("npm token", "medium"): re.compile(
        r"\bnpm_[A-Za-z0-9]{36}\b|:_authToken=\s?[\"']?[A-Fa-f0-9]{8}(?:-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}\b"
    ),
}
_KEY_BEGINS = re.compile(
    r"-----BEGIN (?:[A-Z0-9]{2,10} ){0,2}PRIVATE KEY(?: BLOCK)?-----|BEGIN SSH2 ENCRYPTED PRIVATE KEY|PuTTY-User-Key-File-2"
)
_KEY_BODY = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{40}")
_KEY_AHEAD = 400
"""Characters after the first line of a key within which its body has to begin; headers of encrypted keys take up to 200."""
_URL_PASSWORD = re.compile(r"://([^\s:/@\"'<>]{1,64}):([^\s:/@\"'<>]{1,128})@([^\s:/@\"'<>?#]{1,253})")
_OWN_HOST = re.compile(
    r"localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|(?:.+\.)?example(?:\.\w+)?|host(?:name)?|server", re.IGNORECASE
)
_USUAL = frozenset(
    ("root", "admin", "test", "guest", "postgres", "mysql", "mongo", "user", "pw", "123", "12345", "123456")
)
"""Passwords that programs are shipped with."""
_PLACEHOLDER = re.compile(r"example|xxxx|\*\*\*|your|<|>|\$|%|\{|password|passwd|^pass$|^pwd$|secret|changeme|1234|^token$|\.\.\.", re.IGNORECASE)  # fmt: skip


def secret_kinds(text: str) -> set[Kind]:
    """Return the kinds of secrets a text seems to hold; what is plainly a placeholder does not count."""
    found = {kind for kind, expression in _OTHERS.items() if _real(expression.findall(text))}
    if any(map(_key_follows, _KEY_BEGINS.finditer(text))):
        found.add(Kind("private key", "high"))
    if any(map(_password, _URL_PASSWORD.finditer(text))):
        found.add(Kind("password in a URL", "medium"))
    for kind, detector in _detectors():
        if _real(detector.analyze_string(text)):
            found.add(kind)
    return found


def _real(values: Any) -> bool:
    return any(not _PLACEHOLDER.search(value) for value in values)


def _key_follows(begin: re.Match[str]) -> bool:
    """Tell the first line of a key from its mention: lines of random letters follow."""
    after = begin.string[begin.end() : begin.end() + _KEY_AHEAD]
    runs = (match.group() for match in _KEY_BODY.finditer(after))
    return any(re.search(r"\d", run) and re.search(r"[A-Z]", run) and re.search(r"[a-z]", run) for run in runs)


def _password(match: re.Match[str]) -> bool:
    user, password, host = match.groups()
    if password == user or password.lower() in _USUAL or _OWN_HOST.fullmatch(host):
        return False
    return not _PLACEHOLDER.search(password)


@cache
def _detectors() -> tuple[tuple[Kind, Any], ...]:
    from importlib import import_module

    made: list[tuple[Kind, Any]] = []
    for path, (name, confidence) in _PLUGINS.items():
        module, detector = path.split(".")
        make: Callable[[], Any] = getattr(import_module(f"detect_secrets.plugins.{module}"), detector)
        made.append((Kind(name, confidence), make()))
    return tuple(made)
