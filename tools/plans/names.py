"""Names of what a plan makes: a readable part, and the plan's digest filled in when sent."""

from novaforge.guards.errors import InputError

NAME_MAX = 63
SLUG_MAX = NAME_MAX - len("nf--") - 12
"""What SageMaker's limit leaves beside our prefix and twelve characters of the digest."""


def slug(name: str) -> str:
    """Return a name fit for a job: letters, digits and single hyphens, at most 47 characters.

    Raises InputError when nothing of it is left.
    """
    kept = "".join(ch if ch.isascii() and ch.isalnum() else "-" for ch in name)
    short = "-".join(part for part in kept.split("-") if part)[:SLUG_MAX].strip("-")
    if not short:
        raise InputError("The name has no letter or digit.", field="name", value=name, fix="use letters and digits")
    return short
