"""The demo's report: one HTML page that needs nothing but itself."""

import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from string import Template
from typing import Any

from novaforge.guards.errors import InputError
from novaforge.guards.text import one_line
from novaforge.guards.values import dollars
from novaforge.server.demo.markup import (
    Cell,
    Html,
    bar,
    bullets,
    code,
    join,
    paragraph,
    picture,
    section,
    table,
    text,
)
from novaforge.tools.evaluation.results import Comparison, EvaluationReport, Figure

GENERATOR = '<meta name="generator" content="novaforge demo">'

PROVES = (
    "This run used no AWS account and cost nothing. It rehearsed the loop against an AWS endpoint on this machine: the "
    "requests, the recipes, the approvals, the logs, the results and the cleanup are those of the real path, the reward "
    "function was really called, and a small stand-in model was really trained on the data. That proves the pipeline, "
    "the data, the reward and the reading of results."
)
PROVES_NOT = (
    "It does not predict the score of an Amazon Nova model: the stand-in is a far smaller model, its learning rate "
    "is scaled and long texts are cut. It does not show how long AWS would take or whether capacity and quota would "
    "be there. The dollars are price times estimated or longest allowed time, from the price source named with each "
    "plan; the bill of a real run may differ. This is an independent project, not an AWS product."
)


@dataclass(frozen=True)
class PlanEntry:
    """One plan of the run; billed_s are the wall seconds the rehearsal billed, None when it bills nothing."""

    title: str
    digest: str
    state: str
    ceiling_usd: Decimal
    expected_usd: Decimal | None
    basis: str
    machines: str
    price: str
    billed_s: int | None = None

    @classmethod
    def of(cls, plan: Mapping[str, Any], state: str, billed_s: int | None = None) -> "PlanEntry":
        """Take what the report shows from a plan as the tools return it; `state` is the one it ended in."""
        nodes: Sequence[Mapping[str, Any]] = plan["nodes"]
        expected = plan["expected_usd"]
        return cls(
            title=plan["title"],
            digest=plan["digest"],
            state=state,
            ceiling_usd=Decimal(plan["ceiling_usd"]),
            expected_usd=Decimal(expected) if expected is not None else None,
            basis=plan["cost_basis"],
            machines=", ".join(f"{node['count']} x {node['instance_type']} ({node['role']})" for node in nodes),
            price=", ".join(dict.fromkeys(map(_price, nodes))),
            billed_s=billed_s,
        )


@dataclass(frozen=True)
class CallEntry:
    """One tool call: how long it took and what it answered."""

    tool: str
    seconds: float
    summary: str


@dataclass(frozen=True)
class ApprovalEntry:
    """One answer of a person to one plan."""

    plan: str
    answer: str
    channel: str
    typed: str
    approver: str
    at: datetime | None = None


@dataclass(frozen=True)
class DemoReport:
    """Everything the page shows; `facts` say what was run as (name, value), `plots` are (caption, PNG)."""

    title: str
    subtitle: str
    facts: Sequence[tuple[str, str]]
    comparison: Comparison | None = None
    evaluations: Mapping[str, EvaluationReport] = field(default_factory=dict[str, EvaluationReport])
    plots: Sequence[tuple[str, bytes]] = ()
    plans: Sequence[PlanEntry] = ()
    calls: Sequence[CallEntry] = ()
    approvals: Sequence[ApprovalEntry] = ()
    audit_head: str = ""
    audit_lines: int = 0


def write_report(folder: Path, data: DemoReport) -> Path:
    """Write index.html into a folder and return its path; replaces an earlier report, refuses any other file."""
    page = folder / "index.html"
    if page.exists() and GENERATOR not in page.read_text(encoding="utf-8", errors="replace"):
        raise InputError(
            f"{page} was not written by this demo and is not overwritten.",
            field="report",
            value=str(folder),
            fix="choose another folder with --report",
        )
    folder.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(prefix=".index.", suffix=".html", dir=folder)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(render(data))
        Path(temporary).chmod(0o644)
        os.replace(temporary, page)
    finally:
        Path(temporary).unlink(missing_ok=True)
    return page


def render(data: DemoReport) -> str:
    """Return the page as text; everything from outside is escaped."""
    template = Template(Path(__file__).with_name("report.html").read_text(encoding="utf-8"))
    sections = join(
        part
        for part in (
            section("What was run", table(("", ""), [(name, value) for name, value in data.facts])),
            section("What this proves, and what it does not", paragraph(PROVES), paragraph(PROVES_NOT)),
            _results(data),
            section("Dollars", *_dollars(data.plans)),
            section("Plans", _plans(data.plans)),
            section("Approvals", _approvals(data.approvals)),
            section("Calls", _calls(data.calls)),
            section("Audit log", *_audit(data)),
        )
        if part
    )
    return template.substitute(title=text(data.title), subtitle=text(data.subtitle), sections=sections)


def _results(data: DemoReport) -> Html:
    parts: list[Cell] = []
    if data.comparison is not None:
        parts += _comparison(data.comparison)
    for name, report in data.evaluations.items():
        parts.append(_classes(name, report))
    parts += [picture(caption, png) for caption, png in data.plots]
    return section("Results", *parts)


def _comparison(found: Comparison) -> list[Cell]:
    names = [str(job["name"]) for job in found.jobs]
    verdict = Html(f'<div class="verdict">{bullets(found.verdict)}</div>') if found.verdict else Html("")
    rows = [(metric.replace("_", " "), *map(_figure, figures)) for metric, figures in found.table.items()]
    numbers = range(1, len(names) + 1)
    caption = f"Mean and standard error over the {found.rows} rows all have in common. BLEU is on 0 to 100, the rest on 0 to 1."
    return [
        verdict,
        table(("metric", *names), rows, numbers=numbers, caption=caption),
        _differences(found),
        bullets([*found.notes, *(finding.message for finding in found.findings)]),
    ]


def _differences(found: Comparison) -> Html:
    rows = [
        (
            f"{one.second} against {one.first}",
            one.metric.replace("_", " "),
            f"{100 * one.difference:+.1f}",
            f"{100 * one.low:+.1f} to {100 * one.high:+.1f}",
            f"{one.p_holm:.3f}" if one.p_holm >= 0.001 else "< 0.001",
            one.test,
            "yes" if one.significant else "no",
        )
        for one in found.differences
    ]
    head = ("pair", "metric", "points", "95 % interval", "p", "test", "significant")
    return table(
        head, rows, numbers=(2, 3, 4), caption="Paired differences in percentage points, p-values Holm-adjusted."
    )


def _figure(figure: Figure) -> str:
    if figure.value is None:
        return "n/a"
    return f"{figure.value:.3f}" + (f" ± {figure.se:.3f}" if figure.se is not None else "")


def _classes(name: str, report: EvaluationReport) -> Html:
    shares = zip(report.untrusted_labels, report.classes, report.confusion, strict=True)
    rows = [
        (label, *map(_share, (one.precision, one.recall, one.f1)), str(one.support), str(counts[-1]))
        for label, one, counts in shares
    ]
    head = ("label", "precision", "recall", "F1", "rows", "no valid prediction")
    return table(head, rows, numbers=range(1, 6), caption=f"Per label: {name}")


def _share(value: float | None) -> str:
    return "n/a" if value is None else f"{value:.3f}"


def _dollars(plans: Sequence[PlanEntry]) -> list[Cell]:
    rows = [(plan.title, _expected(plan), dollars(plan.ceiling_usd), plan.basis, _billed(plan)) for plan in plans]
    known = [plan.expected_usd for plan in plans if plan.expected_usd is not None]
    unknown = len(plans) - len(known)
    total = dollars(sum(known, Decimal(0))) + (f" + {unknown} unknown" if unknown else "")
    foot = ("together", total, dollars(sum((plan.ceiling_usd for plan in plans), Decimal(0))), "", "")
    head = ("plan", "expected", "ceiling", "basis of the expected figure", "billed in rehearsal")
    said = "What the same run would have cost on AWS. The ceiling is what the person approved. The rehearsal itself cost $0.00."
    return [paragraph(said), table(head, rows, numbers=(1, 2, 4), foot=foot)] if rows else []


def _expected(plan: PlanEntry) -> str:
    return "unknown" if plan.expected_usd is None else dollars(plan.expected_usd)


def _billed(plan: PlanEntry) -> str:
    return "" if plan.billed_s is None else f"{plan.billed_s} s"


def _plans(plans: Sequence[PlanEntry]) -> Html:
    rows = [(plan.title, plan.state, plan.machines, plan.price, code(plan.digest, "digest")) for plan in plans]
    return table(("plan", "state", "machines", "price, source and date", "digest"), rows)


def _price(node: Mapping[str, Any]) -> str:
    hourly = node["usd_per_hour"]
    amount = f"{dollars(Decimal(hourly))} an hour" if hourly is not None else "price unknown"
    dated = f", {node['price_as_of']}" if node["price_as_of"] else ""
    return f"{amount} ({node['price_source'] or 'no source'}{dated})"


def _approvals(approvals: Sequence[ApprovalEntry]) -> Html:
    rows = [
        (one.plan, one.answer, one.channel, one.typed, one.approver, one.at.isoformat(" ", "seconds") if one.at else "")
        for one in approvals
    ]
    return table(("plan", "answer", "channel", "typed", "by", "at (UTC)"), rows)


def _calls(calls: Sequence[CallEntry]) -> Html:
    longest = max((call.seconds for call in calls), default=0.0) or 1.0
    rows = [
        (
            code(call.tool),
            Html(f"{call.seconds:.1f} s{bar(call.seconds / longest)}"),
            Html(f'<span class="result">{text(one_line(call.summary, 400))}</span>'),
        )
        for call in calls
    ]
    return table(("tool", "time", "result"), rows, numbers=(1,))


def _audit(data: DemoReport) -> list[Cell]:
    if not data.audit_head:
        return []
    said = Html(f"{data.audit_lines} lines; the hash of the last one is {code(data.audit_head, 'digest')}.")
    verify = "Every line carries the hash of the one before; novaforge-mcp audit verify checks the whole chain."
    return [paragraph(said), paragraph(verify, "soft")]
