"""Divide the rows of strata among parts: every part exactly as large as asked, every stratum in proportion."""

from collections.abc import Sequence
from fractions import Fraction


def largest_remainder(rows: int, ratios: Sequence[Fraction]) -> list[int]:
    """Return whole numbers that sum to `rows` and differ from the ratios by less than one row."""
    exact = [rows * ratio for ratio in ratios]
    parts = [int(value) for value in exact]
    by_rest = sorted(range(len(ratios)), key=lambda index: (parts[index] - exact[index], index))
    for index in by_rest[: rows - sum(parts)]:
        parts[index] += 1
    return parts


def apportion(sizes: Sequence[int], totals: Sequence[int]) -> list[list[int]]:
    """Return rows per stratum and part: strata sum to `sizes`, parts to `totals`, each cell within one of its share.

    This is a controlled rounding of the table of exact shares: each cell is rounded up or down, first by the largest
    debt to its part, then cells are exchanged along a path until every part has its total (such a rounding always
    exists: Causey, Cox and Ernst, 1985).
    """
    rows = sum(sizes)
    cells: list[list[int]] = []
    rests: list[list[int]] = []
    debts = [0] * len(totals)
    for size in sizes:
        shares = [divmod(size * total, rows) for total in totals]
        row, rest = [share for share, _ in shares], [left for _, left in shares]
        debts = [debt + left for debt, left in zip(debts, rest, strict=True)]
        open_parts = sorted((part for part, left in enumerate(rest) if left), key=lambda part: (-debts[part], part))
        for part in open_parts[: size - sum(row)]:
            row[part] += 1
            debts[part] -= rows
        cells.append(row)
        rests.append(rest)
    _balance(cells, rests, sizes, totals)
    return cells


def _balance(cells: list[list[int]], rests: list[list[int]], sizes: Sequence[int], totals: Sequence[int]) -> None:
    """Move single rows between parts until each part has its total."""
    rows = sum(sizes)
    floors = [[size * total // rows for total in totals] for size in sizes]
    while True:
        over = [sum(column) - total for column, total in zip(zip(*cells, strict=True), totals, strict=True)]
        if not any(over):
            return
        path = _path(cells, rests, floors, over)
        for stratum, giver, taker in path:
            cells[stratum][giver] -= 1
            cells[stratum][taker] += 1


def _path(
    cells: list[list[int]], rests: list[list[int]], floors: list[list[int]], over: list[int]
) -> list[tuple[int, int, int]]:
    """Find moves (stratum, from part, to part) that lead from a part with too many rows to one with too few."""
    parts = range(len(over))
    start = next(part for part in parts if over[part] > 0)
    came: dict[int, tuple[int, int, int]] = {}
    queue = [start]
    for giver in queue:
        if over[giver] < 0:
            break
        for stratum, row in enumerate(cells):
            if row[giver] == floors[stratum][giver]:
                continue
            for taker in parts:
                rounded_down = rests[stratum][taker] and row[taker] == floors[stratum][taker]
                if rounded_down and taker != start and taker not in came:
                    came[taker] = (stratum, giver, taker)
                    queue.append(taker)
    end = next(part for part in queue if over[part] < 0)
    moves: list[tuple[int, int, int]] = []
    while end != start:
        moves.append(came[end])
        end = came[end][1]
    return moves
