"""Try a reward function on candidates, probes, odd inputs and repeats, and judge what it does."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

from novaforge.guards.findings import Finding
from novaforge.guards.text import clean
from novaforge.guards.values import JsonObject
from novaforge.tools.rewards.candidates import HONEST, WRONG, candidates, event_of, probes, spell
from novaforge.tools.rewards.contract import SLOW_MS, check_call, marker_findings, scores_of
from novaforge.tools.rewards.results import Scores
from novaforge.tools.rewards.rows import Sample
from novaforge.tools.rewards.runner import Call, Event, Runner

FIRST_RUN_S = 22.0
SECOND_RUN_S = 12.0
"""Together below the 45 s in which every tool answers."""
SINGLE_CALLS = 20
PROBE_SHARE = 0.5
"""A probe as good as the truth on at least this share of rows is a way to be rewarded without answering."""
PARTS = "content as a list of parts"
ODD_IDS = ("zeile-ä-ß-ÿ", "行-一-🙂", 'quote"\\back\n')


@dataclass
class Trial:
    """Everything measured, ready to be shown."""

    findings: list[Finding] = field(default_factory=list[Finding])
    scores: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    probe_scores: dict[str, list[float]] = field(default_factory=dict[str, list[float]])
    single_ms: list[float] = field(default_factory=list[float])
    errors: list[str] = field(default_factory=list[str])


def try_out(run: Runner, sample: Sample, predictions: Sequence[str] | None) -> Trial:
    """Run everything: one process or series of calls for the trial, a second one for determinism."""
    rows, trial = sample.rows, Trial()
    honest = candidates(rows) | ({"predictions": list(predictions)} if predictions else {})
    cheats = probes(rows, sample.labels)
    events: dict[str, Event] = {f"answers: {name}": event_of(rows, texts) for name, texts in honest.items()}
    events |= {f"probe: {name}": event_of(rows, texts) for name, texts in cheats.items()}
    events |= _odd_events(rows)
    singles = [[sample_] for sample_ in events["answers: reference"][:SINGLE_CALLS]]
    calls = run([*events.values(), *singles], FIRST_RUN_S)
    named = dict(zip(events, calls, strict=False))
    trial.findings += _contract_findings(events, named)
    trial.errors = _errors(calls)
    trial.scores = _scores(events, named, "answers: ")
    trial.probe_scores = _scores(events, named, "probe: ")
    trial.single_ms = [call.ms for call in calls[len(events) :] if call.ok]
    trial.findings += latency_findings(trial.single_ms)
    trial.findings += _determinism(run, events, named)
    trial.findings += judge_scores(trial.scores)
    trial.findings += marker_findings(trial.scores.get("reference"), trial.scores.get("reference_in_markers"))
    trial.findings += [_gaming(name, share) for name, share in probe_shares(trial).items() if share >= PROBE_SHARE]
    return trial


def judge_scores(scores: dict[str, list[float]]) -> list[Finding]:
    """Compare the right answer with known bad ones: nothing to learn from when it does not score best."""
    truth = best_honest(scores)
    if truth is None:
        return [Finding(rule="reward-ranking", severity="not_checked", message="no scores for the reference answers")]
    found: list[Finding] = []
    spread = len(set(scores.get("predictions", []))) > 1
    for name in ("wrong_reference", "empty", "garbage"):
        rivals = _best(scores, WRONG) if name in WRONG else scores.get(name)
        if rivals is None:
            reason = f"no scores for {name.replace('_', ' ')} answers"
            found.append(Finding(rule="reward-ranking", severity="not_checked", message=reason))
        elif fmean(truth) <= fmean(rivals):
            found.append(_ranking(name, fmean(truth), fmean(rivals), spread))
    return found


def best_honest(scores: dict[str, list[float]]) -> list[float] | None:
    """Return, row by row, the best score among the spellings of the right answer."""
    return _best(scores, HONEST)


def _best(scores: dict[str, list[float]], spellings: Sequence[str]) -> list[float] | None:
    spelled = [scores[name] for name in spellings if name in scores]
    return [max(values) for values in zip(*spelled, strict=True)] if spelled else None


def probe_shares(trial: Trial) -> dict[str, float]:
    """Return for each probe the share of rows on which it scored at least like the right answer."""
    truth = best_honest(trial.scores)
    if truth is None:
        return {}
    return {
        name: round(fmean(ours >= best for ours, best in zip(values, truth, strict=True)), 4)
        for name, values in trial.probe_scores.items()
    }


def latency_findings(single_ms: Sequence[float]) -> list[Finding]:
    """RL6: the 95th percentile of single calls above 5 s holds training up."""
    if not single_ms:
        return [Finding(rule="RL6", severity="not_checked", message="no single call answered in time")]
    p95 = percentile(single_ms, 95)
    if p95 <= SLOW_MS:
        return []
    message = f"p95 latency is {p95:.0f} ms per sample, above {SLOW_MS:.0f} ms"
    return [Finding(rule="RL6", severity="confirm", message=message, fix="make it faster; rollouts wait for it")]


def percentile(values: Sequence[float], percent: int) -> float:
    """Return the nearest-rank percentile of a non-empty list."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def summary(scores: dict[str, list[float]]) -> Scores:
    """Return means and histograms: exact scores when there are few, else ten bins of equal width."""
    every = [value for values in scores.values() for value in values]
    return Scores(
        mean={name: round(fmean(values), 4) for name, values in scores.items()},
        histogram={
            name: dict(Counter(_bin(value, every) for value in sorted(values))) for name, values in scores.items()
        },
    )


def _bin(value: float, every: Sequence[float]) -> str:
    if len(set(every)) <= 10:
        return f"{value:g}"
    low, width = min(every), (max(every) - min(every)) / 10
    start = low + min(9, int((value - low) / width)) * width
    return f"{start:.3g} to {start + width:.3g}"


def _odd_events(rows: Sequence[JsonObject]) -> dict[str, Event]:
    """Inputs that are legal and rare: ids outside ASCII, content as a list of parts, a batch in reverse."""
    renamed: list[JsonObject] = [{**row, "id": name} for row, name in zip(rows, ODD_IDS, strict=False)]
    texts = [spell(row.get("reference_answer")) for row in rows]
    first = rows[: len(ODD_IDS)]
    return {
        "ids outside ASCII": event_of(renamed, texts[: len(renamed)]),
        PARTS: event_of(first, [[{"type": "text", "text": text}] for text in texts[: len(first)]]),
        "reversed": list(reversed(event_of(rows, texts))),
    }


def _contract_findings(events: dict[str, Event], calls: dict[str, Call]) -> list[Finding]:
    """Return the contract's findings once each, naming the inputs they happen on."""
    merged: dict[str, tuple[Finding, list[str]]] = {}
    for name, event in events.items():
        for finding in check_call(event, calls[name]):
            merged.setdefault(finding.message, (finding, []))[1].append(name)
    return [_on_inputs(finding, names, len(events)) for finding, names in merged.values()]


def _on_inputs(finding: Finding, names: Sequence[str], total: int) -> Finding:
    where = "every input" if len(names) == total else ", ".join(name.partition(": ")[2] or name for name in names)
    # Nova sends texts; lists of parts are legal in the format but rare, so they alone do not block.
    lenient = list(names) == [PARTS] and finding.severity == "block"
    severity = "warn" if lenient else finding.severity
    return finding.model_copy(update={"message": f"{finding.message} (on {where})", "severity": severity})


def _scores(events: dict[str, Event], calls: dict[str, Call], prefix: str) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {}
    for name, event in events.items():
        values = scores_of(event, calls[name].value) if name.startswith(prefix) and calls[name].ok else None
        if values is not None:
            found[name.removeprefix(prefix)] = values
    return found


def _determinism(run: Runner, events: dict[str, Event], first: dict[str, Call]) -> list[Finding]:
    """RL9: the same input must score the same in another process, alone or in a batch of another order."""
    again = [
        name for name in ("answers: reference", "answers: wrong_reference", "answers: predictions") if name in events
    ]
    second = run([events[name] for name in again], SECOND_RUN_S)
    changed = compared = 0
    for name, call in zip(again, second, strict=True):
        before, after = scores_of(events[name], first[name].value), scores_of(events[name], call.value)
        if before and after:
            compared += len(before)
            changed += sum(old != new for old, new in zip(before, after, strict=True))
    found: list[Finding] = []
    if not compared:
        found.append(Finding(rule="RL9", severity="not_checked", message="no second answer to compare with"))
    if changed:
        found.append(_unstable(f"{changed} of {compared} scores differ between two calls with the same input"))
    straight = scores_of(events["answers: reference"], first["answers: reference"].value)
    reverse = scores_of(events["reversed"], first["reversed"].value)
    if straight and reverse and straight != reverse[::-1] and not changed:
        found.append(_unstable("scores change with the order of the samples in one call"))
    return found


def _unstable(message: str) -> Finding:
    fix = "remove randomness, clocks and state kept between samples"
    return Finding(rule="RL9", severity="confirm", message=message, fix=fix)


def _ranking(name: str, truth: float, rival: float, spread: bool) -> Finding:
    """Block, unless real predictions show a spread: then only our spelling of the right answer is at fault."""
    return Finding(
        rule="reward-ranking",
        severity="confirm" if spread else "block",
        message=f"the reference answer scores {truth:g} on average, {name.replace('_', ' ')} answers {rival:g}",
        fix="correct the function; if it expects another output format, give real outputs as predictions",
    )


def _gaming(probe: str, share: float) -> Finding:
    return Finding(
        rule=f"reward-gaming-{probe.replace('_', '-')}",
        severity="confirm",
        message=f"{_CHEATS[probe]} scores like the right answer on {share:.0%} of the rows",
        fix="compare the extracted answer as a whole instead of searching for it in the text",
    )


_CHEATS = {
    "hidden_in_list": "a long text that lists every answer",
    "all_labels": "a list of all labels",
    "repeated": "the label repeated many times",
    "prompt_echo": "the prompt copied back",
    "only_markers": "an empty solution between the markers",
}


def _errors(calls: Sequence[Call]) -> list[str]:
    return list(dict.fromkeys(clean(call.error, 500) for call in calls if call.error))[:5]
