"""Just enough HTML writing for the demo's report: everything that is not Html is escaped."""

import base64
from collections.abc import Iterable, Sequence
from html import escape

from novaforge.guards.text import clean


class Html(str):
    """Markup that was built here, so it is not escaped again."""


Cell = str | Html
CELL_CHARS = 1200


def text(value: Cell) -> Html:
    """Return a text cleaned, capped and escaped; markup as it is."""
    return value if isinstance(value, Html) else Html(escape(clean(value, CELL_CHARS)))


def join(parts: Iterable[Cell]) -> Html:
    """Put pieces one after the other."""
    return Html("\n".join(text(part) for part in parts))


def paragraph(value: Cell, kind: str = "") -> Html:
    """Return a paragraph; kind is a class name of the template."""
    return Html(f"<p{_kind(kind)}>{text(value)}</p>")


def bullets(values: Iterable[Cell]) -> Html:
    """Return a list."""
    return Html("<ul>" + "".join(f"<li>{text(value)}</li>" for value in values) + "</ul>")


def section(title: str, *parts: Cell) -> Html:
    """Return a section under a heading; nothing when it has no content."""
    body = join(part for part in parts if part)
    return Html(f"<section>\n<h2>{text(title)}</h2>\n{body}\n</section>") if body else Html("")


def code(value: str, kind: str = "") -> Html:
    """Return a name in a fixed-width face; kind "digest" may break anywhere."""
    return Html(f"<code{_kind(kind)}>{text(value)}</code>")


def table(
    head: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    numbers: Sequence[int] = (),
    foot: Sequence[Cell] = (),
    caption: str = "",
) -> Html:
    """Return a table that scrolls sideways when it is too wide; `numbers` are the columns set right."""
    if not rows:
        return Html("")
    title = f"<caption>{text(caption)}</caption>" if caption else ""
    body = "\n".join(_row(row, "td", numbers) for row in rows)
    last = f"<tfoot>{_row(foot, 'td', numbers)}</tfoot>" if foot else ""
    first = f"<thead>{_row(head, 'th', numbers)}</thead>" if any(head) else ""
    return Html(f'<div class="scroll"><table>{title}{first}<tbody>\n{body}\n</tbody>{last}</table></div>')


def _row(cells: Sequence[Cell], tag: str, numbers: Sequence[int]) -> str:
    shown = (
        f"<{tag}{_kind('number' if place in numbers else '')}>{text(cell)}</{tag}>" for place, cell in enumerate(cells)
    )
    return f"<tr>{''.join(shown)}</tr>"


def picture(caption: str, png: bytes) -> Html:
    """Return a PNG inside the page itself."""
    data = base64.b64encode(png).decode("ascii")
    shown = text(caption)
    source = f"data:image/png;base64,{data}"
    return Html(f'<figure><img src="{source}" alt="{shown}"><figcaption>{shown}</figcaption></figure>')


def bar(share: float) -> Html:
    """Return a bar of 0 to 1 of the width it has."""
    return Html(f'<span class="bar" style="width:{100 * min(max(share, 0.0), 1.0):.1f}%"></span>')


def _kind(kind: str) -> str:
    return f' class="{escape(kind)}"' if kind else ""
