"""Traits of the format of a text: markup, line ends, punctuation, letters at its ends. None of them is about its meaning."""

import re
import string

_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]{0,15})(?=[\s/>])")
_ENTITY = re.compile(r"&(?:[A-Za-z]{2,8}|#\d{1,6});")
_WORD = re.compile(r"[A-Za-z0-9'-]{1,20}")
_NEEDLES = (
    ("\\r\\n line ends", "\r\n", "\r"),
    ("blank lines", "\n\n", "\n"),
    ("blank lines of \\r\\n", "\r\n\r\n", "\r"),
    ("two spaces in a row", "  ", " "),
    ("lines that begin with spaces", "\n  ", "\n"),
    ("lines that begin with -", "\n- ", "-"),
    ("lines that begin with *", "\n* ", "*"),
    ("lines that begin with #", "\n#", "#"),
    ("code fences", "```", "`"),
    ("bold **", "**", "*"),
    ("URLs", "://", ":"),
    ("...", "...", "."),
    ("escaped \\n", "\\n", "\\"),
)
"""Name, what is looked for, and a mark in it: looking for one mark first is ten times faster than for several."""
_MARKS = (
    ("line feeds", "\n"),
    ("tabs", "\t"),
    ("non-breaking spaces", "\xa0"),
    *((mark, mark) for mark in string.punctuation),
)
_RARE = (
    ("typographic quotes", "\u2018\u2019\u201c\u201d"),
    ("dashes", "\u2013\u2014"),
    ("invisible characters", "\u200b\u200c\u200d\u2060\ufeff"),
    ("replacement characters", "\ufffd"),
)


def traits_of(text: str) -> list[str]:
    """Return the traits a text has; a trait is named so that "has" can stand before it."""
    found = [name for name, mark in _MARKS if mark in text]
    found += [name for name, needle, mark in _NEEDLES if mark in text and needle in text]
    if "<" in text:
        found += {f"<{tag.lower()}> tags" for tag in _TAG.findall(text)}
    if "&" in text:
        found += set(_ENTITY.findall(text))
    if not text.isascii():
        found.append("characters beyond ASCII")
        found += [name for name, marks in _RARE if any(mark in text for mark in marks)]
    if text.lower() != text:
        found.append("upper-case letters")
    if any(digit in text for digit in string.digits):
        found.append("digits")
    return found + _ends(text)


def telling(trait: str) -> int:
    """Return how much the name of a trait tells a person who looks for its cause, 0 the most."""
    if trait.endswith(" tags") or "line ends" in trait:
        return 0
    if trait.endswith((" at the beginning", " at the end", "characters", "characters or more")):
        return 3
    return 2 if trait[-2:-1] == " " else 1


def _ends(text: str) -> list[str]:
    """Return how a text begins and ends."""
    if not text:
        return ["no text"]
    found = [f"{_character(text[0])} at the beginning", f"{_character(text[-1])} at the end"]
    words = text.split(None, 1)
    if words and (first := _WORD.match(words[0])):
        found.append(f'the first word "{first.group().lower()}"')
        last = _WORD.match(text[-60:].rsplit(None, 1)[-1])
        found += [f'the last word "{last.group().lower()}"'] if last else []
    return found


def _character(char: str) -> str:
    """Return a character by its kind; marks by themselves."""
    if char.isalpha():
        return "an upper-case letter" if char.isupper() else "a letter, not upper-case,"
    if char.isdigit():
        return "a digit"
    names = {" ": "a space", "\n": "a line feed", "\r": "a carriage return", "\t": "a tab"}
    return names.get(char, char if char in string.punctuation else "another character")
