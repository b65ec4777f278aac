"""Clean labelled sets of our own, seeded, and the defects that can be planted in them."""

import random
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import orjson

LABELS = ("billing", "delivery", "account")
_TEXT = """
the a of to and in is it you that was for on are with as his they be at one have this from or had by hot but some
what there we can out other were all your when up use word how said an each she which do their time if will way
about many then them would write like so these her long make thing see him two has look more day could go come did
my sound no most number who over know water than call first people may down side been now find any new work part
take get place made live where after back little only round man year came show every good me give our under name
very through just form much great think say help low line before turn cause same mean differ move right boy old too
does tell sentence set three want air well also play small end put home read hand port large spell add even land
here must big high such follow act why ask men change went light kind off need house picture try us again animal
point mother world near build self earth father head stand own page should country found answer school grow study
still learn plant cover food sun four thought let keep eye never last door between city tree cross since hard start
might story saw far sea draw left late run while press close night real life few stop open seem together next white
children begin got walk example ease paper often always music those both mark book letter until mile river car feet
care second group carry took rain eat room friend began idea fish mountain north once base hear horse cut sure watch
color face wood main enough plain girl usual young ready above ever red list though feel talk bird soon body dog
family direct pose leave song measure state product black short numeral class wind question happen complete ship
area half rock order fire south problem piece told knew pass farm top whole king size heard best hour better true
during hundred am remember step early hold west ground interest reach fast five sing listen six table travel less
morning ten simple several vowel toward war lay against pattern slow center love person money serve appear road map
science rule govern pull cold notice voice fall power town fine certain fly unit lead cry dark machine note wait
plan figure star box noun field rest correct able pound done beauty drive stood contain front teach week final gave
green quick develop sleep warm free minute strong special mind behind clear tail produce fact street inch lot
nothing course stay wheel full force blue object decide surface deep moon island foot yet busy test record boat
common gold possible plane age dry wonder laugh thousand ago ran check game shape yes hot miss brought heat snow bed
bring sit perhaps fill east weight language among
"""
_COMMON = _TEXT.split()
_TOPICS = {
    "billing": ("invoice", "charge", "refund", "card", "payment", "price", "tax", "receipt", "discount", "bank"),
    "delivery": ("parcel", "courier", "address", "tracking", "package", "driver", "delay", "shipment", "box", "truck"),
    "account": ("password", "login", "profile", "email", "user", "settings", "access", "sign", "verify", "username"),
}  # fmt: skip


class Pair(NamedTuple):
    """One row: a query and its label."""

    query: str
    label: str


class Planted(NamedTuple):
    """A set with a defect: its rows, the rows of another file it is compared with, the rule that must fire, on which lines."""

    rows: list[Pair]
    other: list[Pair]
    rules: tuple[str, ...]
    lines: list[int]


def clean(seed: int, rows: int) -> list[Pair]:
    """Return rows whose label shows in their words and in nothing else; formatting is drawn without looking at the label."""
    draw = random.Random(seed)
    return [_row(draw) for _ in range(rows)]


def _row(draw: random.Random) -> Pair:
    label = draw.choice(LABELS)
    sentences = [_sentence(draw, label) for _ in range(draw.randint(3, 9))]
    gap = draw.choice([" ", " ", "\n", "\n\n"])
    text = gap.join(sentences)
    return Pair(f"<p>{text}</p>" if draw.random() < 0.2 else text, label)


def _sentence(draw: random.Random, label: str) -> str:
    words = draw.choices(_COMMON, k=draw.randint(6, 16))
    for _ in range(draw.randint(1, 2)):
        words[draw.randrange(len(words))] = draw.choice(_TOPICS[label])
    text = " ".join(words).capitalize()
    if draw.random() < 0.1:
        text += f" {draw.randint(2, 99)}"
    return text + draw.choice([".", ".", ".", "?", "!"])


def write(path: Path, rows: Sequence[Pair]) -> None:
    """Write rows as Converse JSONL."""
    with path.open("wb") as file:
        for query, label in rows:
            turns = [
                {"role": "user", "content": [{"text": query}]},
                {"role": "assistant", "content": [{"text": label}]},
            ]
            row = {"schemaVersion": "bedrock-conversation-2024", "messages": turns}
            file.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))


# --- Defects; each takes a clean set, a clean other set and a draw ------------------------------------------------------


def leak(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Put 7 rows of the other file into this one."""
    return _mixed_in(rows, other, draw, [other[place] for place in draw.sample(range(len(other)), 7)], "DA11-overlap")


def near_leak(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Put 7 rows of the other file, one word changed in each, into this one."""
    long = [row for row in other if len(row.query) > 420]
    return _mixed_in(rows, other, draw, [_nudged(row, draw) for row in draw.sample(long, 7)], "DA11-near-overlap")


def duplicates(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Repeat 3 % of the rows further down."""
    return _repeated(rows, other, draw, lambda row: row, "DA11-duplicates")


def near_duplicates(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Repeat 3 % of the rows further down with one word changed."""
    return _repeated(rows, other, draw, lambda row: _nudged(row, draw), "DA11-near-duplicates")


def noise(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Repeat 3 % of the queries further down with another label."""
    return _repeated(rows, other, draw, lambda row: row._replace(label=_another(row.label)), "DQ1-noise")


def shortcut(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Give nearly all rows of one label, and hardly any other, Windows line ends."""
    made, lines = [], []
    for number, row in enumerate(rows, start=1):
        chosen = draw.random() < (0.95 if row.label == LABELS[0] else 0.01)
        made.append(row._replace(query=row.query.replace("\n", " ") + "\r\nthanks") if chosen else row)
        lines += [number] * chosen
    return Planted(made, other, ("DQ2-shortcut",), [])


def secrets(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Put made-up keys into 5 rows."""
    base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

    def made(row: Pair) -> Pair:
        key = "AKIA" + "".join(draw.choices(base32, k=16))
        secret = "".join(draw.choices(letters + "/+", k=40))
        token = "ghp_" + "".join(draw.choices(letters, k=36))
        return row._replace(
            query=f"{row.query} {draw.choice([f'aws_access_key_id = {key}', f'aws_secret_access_key = {secret!r}', token])}"
        )

    return _changed(rows, other, draw, 5, made, "DQ4-secret")


def personal(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Put made-up mail addresses and card numbers into 5 rows."""

    def made(row: Pair) -> Pair:
        name = "".join(draw.choices("abcdefghijklmnop", k=8))
        text = draw.choice([f"write to {name}.{name[::-1]}@mail-{name}.com", f"card {_card(draw)}"])
        return row._replace(query=f"{row.query} {text}")

    return _changed(rows, other, draw, 5, made, "DQ4-personal")


def unequal(rows: list[Pair], other: list[Pair], draw: random.Random) -> Planted:
    """Leave 3 rows of one label."""
    kept, left = [], 0
    for row in rows:
        left += row.label == LABELS[2]
        if row.label != LABELS[2] or left <= 3:
            kept.append(row)
    return Planted(kept, other, ("DQ3-rare", "DQ3-balance"), [])


DEFECTS: dict[str, Callable[[list[Pair], list[Pair], random.Random], Planted]] = {
    "leak, exact": leak,
    "leak, one word changed": near_leak,
    "duplicates, exact": duplicates,
    "duplicates, one word changed": near_duplicates,
    "label noise": noise,
    "shortcut": shortcut,
    "secrets": secrets,
    "personal data": personal,
    "unequal labels": unequal,
}


def _mixed_in(rows: list[Pair], other: list[Pair], draw: random.Random, more: list[Pair], rule: str) -> Planted:
    places = sorted(draw.sample(range(len(rows)), len(more)))
    made = list(rows)
    for place, row in zip(places, more, strict=True):
        made[place] = row
    return Planted(made, other, (rule,), [place + 1 for place in places])


def _repeated(
    rows: list[Pair], other: list[Pair], draw: random.Random, change: Callable[[Pair], Pair], rule: str
) -> Planted:
    half, count = len(rows) // 2, max(12, len(rows) * 3 // 100)
    long = [place for place in range(half) if len(rows[place].query) > 420]
    sources, places = draw.sample(long, count), sorted(draw.sample(range(half, len(rows)), count))
    made = list(rows)
    for source, place in zip(sources, places, strict=True):
        made[place] = change(rows[source])
    return Planted(made, other, (rule,), [place + 1 for place in places])


def _changed(
    rows: list[Pair], other: list[Pair], draw: random.Random, count: int, change: Callable[[Pair], Pair], rule: str
) -> Planted:
    made, places = list(rows), sorted(draw.sample(range(len(rows)), count))
    for place in places:
        made[place] = change(rows[place])
    return Planted(made, other, (rule,), [place + 1 for place in places])


def _nudged(row: Pair, draw: random.Random) -> Pair:
    words = row.query.split(" ")
    words[draw.randrange(1, len(words) - 1)] = "certainly"
    return row._replace(query=" ".join(words))


def _another(label: str) -> str:
    return LABELS[(LABELS.index(label) + 1) % len(LABELS)]


def _card(draw: random.Random) -> str:
    digits = [4, *(draw.randrange(10) for _ in range(14))]
    doubled = [sum(divmod(digit * 2, 10)) if place % 2 == 0 else digit for place, digit in enumerate(digits)]
    return "".join(map(str, [*digits, -sum(doubled) % 10]))
