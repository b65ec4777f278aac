"""Sources of any size for the data benchmarks, written fast and reproducibly."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import orjson

SEED = 42
LABELS = (b"HQ", b"LQ_EDIT", b"LQ_CLOSE")
SYSTEM = "You rate the quality of a question."
POOL = 4096
"""How many different pieces of text there are; a row is a random row of them, so that rows differ and nearly none are alike."""

BLOCK_ROWS = 4096
_SPECIAL = ['say "no"', "naïve", "日本語", "list, item", "x = 1;", "\n", "\n\n", "é", "<p>", "(a, b)"]
_WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Return the weather of a city on a day.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "day": {"type": "string", "description": "ISO date"}},
            "required": ["city"],
        },
    },
}


def write_csv(path: Path, rows: int, seed: int = SEED) -> int:
    """Write Id, Body, Y, System with bodies of about 900 characters; returns the bytes written."""
    draw = random.Random(seed)
    pool = [piece.replace('"', '""').encode() for piece in _pieces(draw)]
    system = SYSTEM.encode()

    def row(number: int, text: bytes) -> bytes:
        return b'%d,"%d %b",%b,%b\r\n' % (number, number, text, draw.choice(LABELS), system)

    return _write(path, b"Id,Body,Y,System\r\n", rows, draw, pool, row)


def write_chat(path: Path, rows: int) -> int:
    """Write OpenAI chat rows with a tool call and its result, about 1.8 kB each; returns the bytes written."""
    draw = random.Random(SEED)
    pool = [orjson.dumps(piece)[1:-1] for piece in _pieces(draw)]
    tools = orjson.dumps([_WEATHER])
    head = b'{"messages":[{"role":"system","content":' + orjson.dumps(SYSTEM) + b'},{"role":"user","content":"'
    arguments = rb"{\"city\":\"Bern\",\"day\":\"2026-11-%02d\"}"
    call = b'"},{"role":"assistant","content":"","tool_calls":[{"id":"call_%d","type":"function","function":{"name":"get_weather","arguments":"%b"}}]},'
    result = b'{"role":"tool","tool_call_id":"call_%d","content":"Sunny, %d degrees."},{"role":"assistant","content":"%b"}],"tools":'

    def row(number: int, text: bytes) -> bytes:
        answer = pool[number * 7 % POOL]
        asked = call % (number, arguments % (number % 30 + 1))
        return b"".join((head, b"%d " % number, text, asked, result % (number, number % 40, answer), tools, b"}\n"))

    return _write(path, b"", rows, draw, pool, row)


def _pieces(draw: random.Random) -> list[str]:
    """Return texts of about 90 characters made of words of our own, with line breaks, quotes and other scripts among them."""
    letters = "eeetttaaooiinnsshhrrdlucmfwypvbgk"
    words = ["".join(draw.choices(letters, k=draw.randint(2, 9))) for _ in range(3000)]
    return [
        " ".join(draw.choice(_SPECIAL) if draw.random() < 0.12 else draw.choice(words) for _ in range(14))
        for _ in range(POOL)
    ]


def _write(
    path: Path, head: bytes, rows: int, draw: random.Random, pool: list[bytes], row: Callable[[int, bytes], bytes]
) -> int:
    with path.open("wb") as file:
        file.write(head)
        for first in range(0, rows, BLOCK_ROWS):
            texts = _texts(draw, pool)
            numbers = range(first, min(first + BLOCK_ROWS, rows))
            file.write(b"".join([row(number, text) for number, text in zip(numbers, texts, strict=False)]))
    return path.stat().st_size


def _texts(draw: random.Random, pool: list[bytes]) -> Iterator[bytes]:
    while True:
        yield b" ".join(draw.choices(pool, k=max(2, min(60, int(draw.lognormvariate(2.2, 0.6))))))
