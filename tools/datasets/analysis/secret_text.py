"""Keys and tokens in a text, by detect-secrets and a few forms it does not know."""

import re
from collections.abc import Callable
from functools import cache
from typing import Any

from novaforge.tools.datasets.analysis.kinds import Confidence, Kind

_PLUGINS: dict[str, tuple[str, Confidence]] = {
    "aws.AWSKeyDetector": ("AWS access key", "high"),
    "azure_storage_key.AzureStorageKeyDetector": ("Azure storage key", "high"),
    "basic_auth.BasicAuthDetector": ("password in a URL", "medium"),
    "cloudant.CloudantDetector": ("Cloudant credentials", "high"),
    "github_token.GitHubTokenDetector": ("GitHub token", "high"),
    "gitlab_token.GitLabTokenDetector": ("GitLab token", "high"),
    "jwt.JwtTokenDetector": ("JSON web token", "high"),
    "mailchimp.MailchimpDetector": ("Mailchimp key", "medium"),
    "npm.NpmDetector": ("npm token", "medium"),
    "openai.OpenAIDetector": ("OpenAI key", "high"),
    "private_key.PrivateKeyDetector": ("private key", "high"),
    "pypi_token.PypiTokenDetector": ("PyPI token", "high"),
    "sendgrid.SendGridDetector": ("SendGrid key", "high"),
    "slack.SlackDetector": ("Slack token", "high"),
    "square_oauth.SquareOAuthDetector": ("Square token", "high"),
    "stripe.StripeDetector": ("Stripe key", "high"),
    "telegram_token.TelegramBotTokenDetector": ("Telegram token", "medium"),
    "twilio.TwilioKeyDetector": ("Twilio key", "medium"),
}
"""Detectors of detect-secrets that know a form of their own. Its keyword and entropy detectors are left out: in running text
and code they find words, not secrets."""
_OTHERS: dict[Kind, re.Pattern[str]] = {
    Kind("OpenAI key", "high"): re.compile(r"\bsk-proj-[\w-]{40,}"),
    Kind("Anthropic key", "high"): re.compile(r"\bsk-ant-[a-z0-9]+-[\w-]{40,}"),
    Kind("Google API key", "high"): re.compile(r"\bAIza[\w-]{35}(?![\w-])"),
    Kind("Hugging Face token", "high"): re.compile(r"\bhf_[A-Za-z]{34}\b"),
    Kind("GitHub token", "high"): re.compile(r"\bgithub_pat_\w{60,}"),
}
_PLACEHOLDER = re.compile(r"example|xxxx|\*\*\*|your|<|>|\$|%|\{|password|passwd|^pass$|^pwd$|secret|changeme|1234|^token$|\.\.\.", re.IGNORECASE)  # fmt: skip


def secret_kinds(text: str) -> set[Kind]:
    """Return the kinds of secrets a text seems to hold; what is plainly a placeholder does not count."""
    found = {kind for kind, expression in _OTHERS.items() if _real(expression.findall(text))}
    for kind, detector in _detectors():
        if _real(detector.analyze_string(text)):
            found.add(kind)
    return found


def _real(values: Any) -> bool:
    return any(not _PLACEHOLDER.search(value) for value in values)


@cache
def _detectors() -> tuple[tuple[Kind, Any], ...]:
    from importlib import import_module

    made: list[tuple[Kind, Any]] = []
    for path, (name, confidence) in _PLUGINS.items():
        module, detector = path.split(".")
        make: Callable[[], Any] = getattr(import_module(f"detect_secrets.plugins.{module}"), detector)
        made.append((Kind(name, confidence), make()))
    return tuple(made)
