"""Kinds of secrets and personal data, and how sure a find is."""

from typing import Literal, NamedTuple

Confidence = Literal["high", "medium"]


class Kind(NamedTuple):
    """A kind of secret or personal data."""

    name: str
    confidence: Confidence
    personal: bool = False
