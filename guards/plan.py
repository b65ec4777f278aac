"""The plan: everything an apply will do, frozen, with a digest over all of it."""

import json
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, JsonValue, TypeAdapter

from novaforge.guards.findings import Fact, Finding
from novaforge.guards.values import Frozen, JsonObject, Usd, Utc, canonical_json, cents_up, sha256_text

SCHEMA = "novaforge.plan/1"
DIGEST_TOKEN = "%%DIGEST%%"
DIGEST12_TOKEN = "%%DIGEST12%%"
"""Stand for the plan's own digest inside its steps, since a text cannot contain its own hash."""

Action = Literal["train", "evaluate", "create_reward", "deploy", "clean_up"]


class NodeGroup(Frozen):
    """A group of equal machines that bill."""

    role: str
    instance_type: str
    count: int


class Price(Frozen):
    """An hourly price per machine with its provenance; usd_per_hour is None where it is not known."""

    instance_type: str
    region: str
    component: Literal["training", "hosting"]
    usd_per_hour: Usd | None
    source: str
    as_of: date


class Cost(Frozen):
    """What the plan may cost: the ceiling is authorised, the expected figure is an estimate with its basis."""

    nodes: tuple[NodeGroup, ...] = ()
    prices: tuple[Price, ...] = ()
    max_runtime_s: int = 0
    expected_s: int | None = None
    basis: str = ""
    expected_usd: Usd | None = None
    ceiling_usd: Usd = Decimal(0)


class Principal(Frozen):
    """Who will act, where: from sts:GetCallerIdentity at plan time."""

    account: str
    arn: str
    region: str


class InputIdentity(Frozen):
    """One input file exactly as it was seen."""

    role: str
    uri: str
    bytes: int
    rows: int | None = None
    etag: str | None = None
    version_id: str | None = None
    sha256: str | None = None
    upload_to: str | None = None


class RecipeSource(Frozen):
    """The effective recipe and where its template came from."""

    name: str
    hub_content: str
    hub_version: str
    template_uri: str
    template_sha256: str
    text: str


class CreatedResource(Frozen):
    """Something a step makes, how it is deleted and when it should be gone."""

    kind: str
    name: str
    delete_with: str
    delete_after: Utc | None = None


class Probe(Frozen):
    """How to look for what a crashed or repeated call may already have made."""

    operation: str
    request: JsonObject
    arn_path: str


class Wait(Frozen):
    """Poll an operation until a field has one of the wanted values, or is gone."""

    operation: str
    request: JsonObject
    field: str
    until: tuple[str, ...] = ()
    failed: tuple[str, ...] = ()
    gone: bool = False


class AwsStep(Frozen):
    """One AWS call with its exact arguments; bytes are written {"$base64": "..."}."""

    kind: Literal["aws"] = "aws"
    name: str
    service: str
    operation: str
    request: JsonObject
    bills: bool = False
    creates: CreatedResource | None = None
    deletes: str | None = None
    probe: Probe | None = None
    wait: Wait | None = None


class UploadStep(Frozen):
    """One object written to a fresh S3 key: inline text, or a local file of known hash."""

    kind: Literal["upload"] = "upload"
    name: str
    uri: str
    text: str | None = None
    file: str | None = None
    sha256: str
    bytes: int


Step = Annotated[AwsStep | UploadStep, Field(discriminator="kind")]


class Precondition(Frozen):
    """A value read at plan time that is read again just before the first call."""

    name: str
    kind: str
    target: JsonObject
    expected: JsonValue


class PlanBody(Frozen):
    """All of a plan except its digest."""

    plan_id: str
    schema_version: str = SCHEMA
    action: Action
    title: str
    name: str
    model: str | None = None
    method: str | None = None
    platform: str | None = None
    principal: Principal
    sandbox: bool
    steps: tuple[Step, ...]
    recipe: RecipeSource | None = None
    image: str | None = None
    inputs: tuple[InputIdentity, ...] = ()
    cost: Cost = Cost()
    findings: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()
    preconditions: tuple[Precondition, ...] = ()
    output: str | None = None
    spec: JsonObject = Field(default_factory=dict[str, JsonValue], description="the arguments the plan was made from")
    created_at: Utc
    expires_at: Utc


class Plan(PlanBody):
    """A frozen plan; `digest` is the SHA-256 of the canonical JSON of everything else."""

    digest: str

    @property
    def blocked(self) -> list[Finding]:
        """The findings that stop this plan."""
        return [finding for finding in self.findings if finding.severity == "block"]

    @property
    def to_confirm(self) -> list[Finding]:
        """The findings a person accepts by approving."""
        return [finding for finding in self.findings if finding.severity == "confirm"]

    def rendered(self) -> tuple[Step, ...]:
        """Return the steps with the digest filled in: what is really sent."""
        return tuple(
            _step().validate_python(fill_digest(step.model_dump(mode="json"), self.digest)) for step in self.steps
        )

    def fill(self, text: str) -> str:
        """Return a text of this plan with the digest filled in."""
        return text.replace(DIGEST_TOKEN, self.digest).replace(DIGEST12_TOKEN, self.digest[:12])

    def created(self) -> list[CreatedResource]:
        """Return what applying makes, names filled in."""
        return [step.creates for step in self.rendered() if isinstance(step, AwsStep) and step.creates]


@cache
def _step() -> TypeAdapter[Any]:
    return TypeAdapter(Step)


def fill_digest(value: Any, digest: str) -> Any:
    """Replace the digest tokens in every string of a JSON value."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.replace(DIGEST_TOKEN, digest).replace(DIGEST12_TOKEN, digest[:12]))


def digest_of(body: PlanBody) -> str:
    """Return the hex SHA-256 over the canonical JSON of a plan body."""
    data = body.model_dump(mode="json")
    data.pop("digest", None)
    return sha256_text(canonical_json(data))


def freeze(body: PlanBody) -> Plan:
    """Seal a plan body with its digest."""
    return Plan(**dict(body), digest=digest_of(body))


def intact(plan: Plan) -> bool:
    """Tell whether a stored plan still has the content its digest was made from."""
    return digest_of(plan) == plan.digest


def ceiling(nodes: tuple[NodeGroup, ...], prices: dict[str, Decimal], max_runtime_s: int) -> Decimal:
    """Return the most a run can cost: every node x its hourly price x the runtime limit, rounded up to a cent."""
    total = sum((prices[group.instance_type] * group.count for group in nodes), Decimal(0))
    return cents_up(total * max_runtime_s / 3600)
