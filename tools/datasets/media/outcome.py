"""What became of copied media, as the rows that refer to them need to know it."""

import re
from collections.abc import Iterable

from novaforge.tools.datasets.media.publish import Vault
from novaforge.tools.datasets.media.references import GUESSED, data_uri_of, placeheld
from novaforge.tools.datasets.media.register import Register
from novaforge.tools.datasets.media.target import MediaTarget

_HELD = re.compile(rb'"(data:image/jpeg;base64,bm92YWZvcmdlLW1lZGlh[A-Za-z0-9+/=]{1,200})"')
"""A placeholder in a row's JSON, quotes included: text can hold no unescaped quote, so nothing else looks like it."""


class Outcome:
    """The result of copying; valid until the copier that gave it is left."""

    def __init__(self, target: MediaTarget, register: Register, vault: Vault | None) -> None:
        self._register = register
        self._vault = vault
        uri = re.escape(target.uri.encode())
        self._guess = GUESSED.encode()
        # The order of keys and the separators are those with which image_item's result is written as compact JSON.
        self._pending = re.compile(
            rb'"format":"\w+","source":\{"s3Location":\{"uri":"('
            + uri
            + rb"/)([0-9a-f]{32}"
            + self._guess
            + rb'\.\w+)"'
        )

    def problem(self, names: Iterable[str]) -> str:
        """Return why a row with these media cannot be used, or ""."""
        for name in names:
            final, problem = self._register.outcome(name)
            if not final:
                return problem or "the file was not copied"
        return ""

    def use(self, names: Iterable[str]) -> None:
        """Say that a row with these media will be published; then `keep` removes the others."""
        self._register.use(names)

    def settle(self, data: bytes) -> bytes:
        """Return a row's bytes with final formats and names, and with files in place of placeholders; else unchanged.

        Only for rows without a problem.
        """
        if self._guess in data and self._vault is None:
            data = self._pending.sub(self._located, data)
        if self._vault is not None and b"bm92YWZvcmdlLW1lZGlh" in data:
            data = _HELD.sub(self._inlined, data)
        return data

    def _located(self, found: re.Match[bytes]) -> bytes:
        final = self._final(found[2].decode())
        name = final.rsplit(".", 1)[-1].encode()
        head = b'"format":"' + name + b'","source":{"s3Location":{"uri":"'
        return head + found[1] + final.encode() + b'"'

    def _inlined(self, found: re.Match[bytes]) -> bytes:
        name = placeheld(found[1].decode())
        if self._vault is None or not name:
            return found[0]
        final = self._final(name)
        return f'"{data_uri_of(final.rsplit(".", 1)[-1], self._vault.read(final))}"'.encode()

    def _final(self, name: str) -> str:
        final, problem = self._register.outcome(name)
        if not final:
            raise ValueError(f"a row is settled whose media failed: {problem}")
        return final
