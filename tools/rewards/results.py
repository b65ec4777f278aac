"""What test_reward returns."""

from pydantic import Field

from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen
from novaforge.tools.results import FindingView, ToolResult, show_findings


class Scores(Frozen):
    """Scores by candidate answer: the mean, and how many rows got which score."""

    mean: dict[str, float] = Field(default_factory=dict[str, float])
    histogram: dict[str, dict[str, int]] = Field(default_factory=dict[str, dict[str, int]])


class Probe(Frozen):
    """A way of cheating: on which share of the rows it scored at least as well as the right answer."""

    probe: str
    mean: float
    as_good_as_truth: float


class RewardCheck(ToolResult):
    """How a reward function behaves on real rows."""

    ok: bool
    function: str
    rows: int
    findings: list[FindingView]
    scores: Scores
    latency: dict[str, float]
    probes: list[Probe]
    untrusted_errors: list[str] = Field(default_factory=list[str])
    notice: str = NOTICE

    def text(self) -> str:
        """Return the check in a few lines."""
        verdict = "keeps" if self.ok else "breaks"
        lines = [f"{self.function} {verdict} the reward contract on {self.rows} rows"]
        if self.scores.mean:
            lines.append("mean score: " + ", ".join(f"{name} {mean:g}" for name, mean in self.scores.mean.items()))
        if self.latency:
            lines.append(f"latency: p50 {self.latency['p50_ms']:g} ms, p95 {self.latency['p95_ms']:g} ms")
        lines += [f"probe {probe.probe}: as good as the truth on {probe.as_good_as_truth:.0%}" for probe in self.probes]
        return "\n".join(line for line in [*lines, show_findings(self.findings), self.next_step] if line)
