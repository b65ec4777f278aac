"""What test_reward returns."""

from pydantic import Field

from novaforge.guards.text import NOTICE
from novaforge.guards.values import Frozen
from novaforge.tools.results import FindingView, ToolResult, show_findings


class Scores(Frozen):
    """Scores by candidate answer: the mean, and how many rows got which score."""

    mean: dict[str, float] = Field(default_factory=dict[str, float])
    histogram: dict[str, dict[str, int]] = Field(default_factory=dict[str, dict[str, int]])


class RewardCheck(ToolResult):
    """How a reward function behaves on real rows.

    Latency is in milliseconds. `probes` tells for each way of cheating on which share of the rows it scored at least as
    well as the right answer.
    """

    ok: bool
    function: str
    rows: int
    findings: list[FindingView]
    scores: Scores
    latency: dict[str, float]
    probes: dict[str, float]
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
        lines += [f"probe {name}: as good as the truth on {share:.0%}" for name, share in self.probes.items()]
        lines.append(show_findings(self.findings))
        if self.untrusted_errors:
            lines += [self.notice, *(f"error: {error}" for error in self.untrusted_errors)]
        return "\n".join(line for line in [*lines, self.next_step] if line)
