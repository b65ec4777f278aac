"""A small world for tests of the gate: a fake AWS whose state is a file and so outlives a killed process, a ledger, a
clock that only moves when told, and plans of every kind.

Run as a program it carries out actions in processes that kill themselves at a named checkpoint; see serve().
"""

import base64
import fcntl
import hashlib
import io
import json
import os
import secrets
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from novaforge.guards.consent import ceiling_text, prompt_sha256
from novaforge.guards.errors import AwsError, ConfigError, ConflictError, NotFoundError
from novaforge.guards.plan import (
    AwsStep,
    Cost,
    CreatedResource,
    NodeGroup,
    Plan,
    PlanBody,
    Precondition,
    Price,
    Principal,
    UploadStep,
    Wait,
)
from novaforge.guards.policy import Policy
from novaforge.guards.values import JsonObject, sha256_text
from novaforge.server.audit import FileAudit
from novaforge.server.ledger import open_ledger
from novaforge.tools.aws.session import Aws
from novaforge.tools.aws.storage import Storage
from novaforge.tools.context import Mode, ToolContext
from novaforge.tools.plans.draft import new_plan_id, store_plan
from novaforge.tools.records import Approval, Ledger

START = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
ACCOUNT, REGION = "111122223333", "us-east-1"
BUCKET = "team-bucket"
TAGS: list[Any] = [{"Key": "novaforge:plan", "Value": "%%DIGEST%%"}]

MODE = Mode(sandbox=False, writes_allowed=True, owner="ann", approve_command="novaforge-mcp approve --state s")

KINDS = {
    "training_job": ("TrainingJobName", "TrainingJobArn", "training-job"),
    "model": ("ModelName", "ModelArn", "model"),
    "endpoint_config": ("EndpointConfigName", "EndpointConfigArn", "endpoint-config"),
    "endpoint": ("EndpointName", "EndpointArn", "endpoint"),
}


class FakeAws(Aws):
    """Behaves like AWS as far as an apply can see; every change is on disk before the call returns."""

    def __init__(self, path: Path) -> None:
        super().__init__(region=REGION)
        self.path = path
        if not path.exists():
            empty: dict[str, Any] = {
                "things": {}, "objects": {}, "calls": [], "faults": [], "account": ACCOUNT, "region": REGION, "polls": 0
            }  # fmt: skip
            path.write_text(json.dumps(empty), encoding="utf-8")

    @contextmanager
    def state(self) -> Iterator[dict[str, Any]]:
        with self.path.open("r+", encoding="utf-8") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            state: dict[str, Any] = json.load(file)
            try:
                yield state
            finally:
                file.seek(0)
                file.truncate()
                json.dump(state, file)
                file.flush()

    def fault(self, operation: str, effect: str, *, times: int = 1, code: str = "", message: str = "boom") -> None:
        """Let the next calls of an operation go wrong: lost, unsent, or refused with a code."""
        with self.state() as state:
            entry = {"operation": operation, "effect": effect, "times": times, "code": code, "message": message}
            state["faults"].append(entry)

    def made(self, kind: str = "training-job") -> list[str]:
        """Return the names of what exists of a kind."""
        with self.state() as state:
            return sorted(key.split("/", 1)[1] for key in state["things"] if key.startswith(f"{kind}/"))

    def called(self, operation: str) -> int:
        """Return how often an operation reached AWS."""
        with self.state() as state:
            return sum(call == operation for call in state["calls"])

    def set_status(self, kind: str, name: str, status: str) -> None:
        with self.state() as state:
            state["things"][f"{kind}/{name}"]["status"] = status

    def plant(self, kind: str, name: str, tag: str = "somebody-else") -> None:
        """Put something of a name there that we did not make."""
        with self.state() as state:
            state["things"][f"{kind}/{name}"] = thing(kind, name, {"novaforge:plan": tag} if tag else {})

    def principal(self) -> Principal:
        with self.state() as state:
            return Principal(account=state["account"], arn="arn:aws:iam::1:user/ann", region=state["region"])

    def call(self, service: str, operation: str, /, *, region: str | None = None, **request: Any) -> dict[str, Any]:
        with self.state() as state:
            effect = self._fault(state, operation)
            if effect and effect["effect"] == "unsent":
                raise timed_out(operation)
            if effect and effect["effect"] == "refused":
                raise AwsError(effect["message"], operation=operation, code=effect["code"])
            state["calls"].append(operation)
            response = Service(state).answer(service, operation, request)
            response.setdefault("ResponseMetadata", {"RequestId": f"req-{len(state['calls'])}"})
        if effect and effect["effect"] == "lost":
            raise timed_out(operation)
        return response

    def pages(self, service: str, operation: str, key: str, **request: Any) -> Iterator[Any]:
        with self.state() as state:
            effect = self._fault(state, operation)
            if effect:
                raise timed_out(operation)
            found = list(Service(state).listed(operation, request))
        yield from found

    def _fault(self, state: dict[str, Any], operation: str) -> dict[str, Any] | None:
        for entry in state["faults"]:
            if entry["operation"] == operation and entry["times"] > 0:
                entry["times"] -= 1
                return dict(entry)
        return None


def timed_out(operation: str) -> AwsError:
    return AwsError(f"{operation} did not answer", operation=operation, code="ReadTimeoutError")


def thing(kind: str, name: str, tags: dict[str, str], **more: Any) -> dict[str, Any]:
    return {"arn": f"arn:aws:x:{REGION}:{ACCOUNT}:{kind}/{name}", "name": name, "tags": tags, **more}


class Service:
    """Answers one call on the state."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.things: dict[str, dict[str, Any]] = state["things"]
        self.objects: dict[str, str] = state["objects"]
        self.slow: bool = state.get("slow", False)

    def answer(self, service: str, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        if service == "sagemaker":
            return self._sagemaker(operation, request)
        method: Callable[..., dict[str, Any]] = getattr(self, f"_{service}_{operation}")
        return method(request)

    def listed(self, operation: str, request: dict[str, Any]) -> Iterator[Any]:
        if operation == "list_tags":
            tags = next(item["tags"] for item in self.things.values() if item["arn"] == request["ResourceArn"])
            yield from ({"Key": key, "Value": value} for key, value in tags.items())
        elif operation == "list_role_policies":
            yield from self._get("role", request["RoleName"])["policies"]
        elif operation == "list_objects_v2":
            prefix = f"{request['Bucket']}/{request['Prefix']}"
            yield from ({"Key": key.split("/", 1)[1]} for key in sorted(self.objects) if key.startswith(prefix))

    def _get(self, kind: str, name: str) -> dict[str, Any]:
        found = self.things.get(f"{kind}/{name}")
        if found is None:
            raise NotFoundError(f"no {kind} {name}", operation="look", code="ResourceNotFound")
        return found

    def _add(self, kind: str, name: str, tags: dict[str, str], **more: Any) -> dict[str, Any]:
        if f"{kind}/{name}" in self.things:
            raise ConflictError(f"{kind} {name} exists", operation="create", code="ResourceInUse")
        self.things[f"{kind}/{name}"] = thing(kind, name, tags, **more)
        return self.things[f"{kind}/{name}"]

    def _sagemaker(self, operation: str, request: dict[str, Any]) -> dict[str, Any]:
        verb, _, kind = operation.partition("_")
        name_key, arn_key, short = KINDS[kind]
        name = request[name_key]
        if verb == "create":
            tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
            made = self._add(short, name, tags, status="InProgress" if kind == "training_job" else "Creating")
            return {arn_key: made["arn"]}
        found = self._get(short, name)
        if verb == "delete" and self.slow:
            found["status"] = "Deleting"
            return {}
        if verb == "delete":
            del self.things[f"{short}/{name}"]
            return {}
        if verb == "stop":
            found["status"] = "Stopping"
            return {}
        status = found.get("status", "")
        described = {name_key: name, arn_key: found["arn"], "TrainingJobStatus": status, "EndpointStatus": status}
        return {**described, "FailureReason": found.get("reason", "")}

    def _sts_get_caller_identity(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Account": ACCOUNT, "Arn": "arn:aws:iam::1:user/ann"}

    def _s3_head_object(self, request: dict[str, Any]) -> dict[str, Any]:
        data = self._object(request)
        return {"ContentLength": len(data), "ETag": f'"{hashlib.md5(data).hexdigest()}"', "LastModified": START}

    def _s3_get_object(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"Body": io.BytesIO(self._object(request))}

    def _s3_put_object(self, request: dict[str, Any]) -> dict[str, Any]:
        key = f"{request['Bucket']}/{request['Key']}"
        if key in self.objects:
            raise ConflictError(f"{key} exists", operation="put_object", code="PreconditionFailed")
        self.objects[key] = base64.b64encode(request["Body"]).decode()
        return {"ETag": '"x"'}

    def _object(self, request: dict[str, Any]) -> bytes:
        key = f"{request['Bucket']}/{request['Key']}"
        if key not in self.objects:
            raise NotFoundError(f"no {key}", operation="head_object", code="404")
        return base64.b64decode(self.objects[key])

    def _lambda_create_function(self, request: dict[str, Any]) -> dict[str, Any]:
        role = request["Role"].rsplit("/", 1)[-1]
        if not self.things.get(f"role/{role}", {}).get("policies"):
            message = "The role defined for the function cannot be assumed by Lambda."
            raise AwsError(message, operation="create_function", code="InvalidParameterValueException")
        made = self._add("function", request["FunctionName"], request["Tags"], status="Active")
        return {"FunctionArn": made["arn"], "State": "Pending"}

    def _lambda_get_function(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._get("function", request["FunctionName"])
        return {"Configuration": {"FunctionArn": found["arn"], "State": found["status"]}, "Tags": found["tags"]}

    def _lambda_get_function_configuration(self, request: dict[str, Any]) -> dict[str, Any]:
        return {"State": self._get("function", request["FunctionName"])["status"]}

    def _lambda_delete_function(self, request: dict[str, Any]) -> dict[str, Any]:
        self._get("function", request["FunctionName"])
        del self.things[f"function/{request['FunctionName']}"]
        return {}

    def _iam_create_role(self, request: dict[str, Any]) -> dict[str, Any]:
        tags = {tag["Key"]: tag["Value"] for tag in request["Tags"]}
        return {"Role": {"Arn": self._add("role", request["RoleName"], tags, policies=[])["arn"]}}

    def _iam_get_role(self, request: dict[str, Any]) -> dict[str, Any]:
        found = self._get("role", request["RoleName"])
        tags = [{"Key": key, "Value": value} for key, value in found["tags"].items()]
        return {"Role": {"Arn": found["arn"], "RoleName": request["RoleName"], "Tags": tags}}

    def _iam_put_role_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        policies = self._get("role", request["RoleName"])["policies"]
        if request["PolicyName"] not in policies:
            policies.append(request["PolicyName"])
        return {}

    def _iam_delete_role_policy(self, request: dict[str, Any]) -> dict[str, Any]:
        self._get("role", request["RoleName"])["policies"].remove(request["PolicyName"])
        return {}

    def _iam_delete_role(self, request: dict[str, Any]) -> dict[str, Any]:
        if self._get("role", request["RoleName"])["policies"]:
            raise AwsError("it still has policies", operation="delete_role", code="DeleteConflict")
        del self.things[f"role/{request['RoleName']}"]
        return {}


@dataclass
class World:
    """Everything one test needs; a second World on the same folder is what a restarted server sees."""

    folder: Path
    ledger_url: str
    policy: Policy = field(default_factory=Policy)
    mode: Mode = MODE
    checkpoint: Callable[[str], None] = lambda name: None
    seen: list[str] = field(default_factory=list[str])
    opened: list[Any] = field(default_factory=list[Any])

    def __post_init__(self) -> None:
        self.aws = FakeAws(self.folder / "aws.json")
        self.audit_path = self.folder / "audit.jsonl"
        self.ledger: Ledger = open_ledger(self.ledger_url, self.clock)
        self.opened.append(self.ledger)

    def clock(self) -> datetime:
        path = self.folder / "clock"
        return datetime.fromisoformat(path.read_text(encoding="utf-8")) if path.exists() else START

    def pass_time(self, **parts: float) -> None:
        (self.folder / "clock").write_text((self.clock() + timedelta(**parts)).isoformat(), encoding="utf-8")

    def restarted(self) -> "World":
        """Return the world as a new process finds it."""
        return World(self.folder, self.ledger_url, self.policy, self.mode, opened=self.opened)

    def close(self) -> None:
        for ledger in self.opened:
            with suppress(ConfigError):  # one that could not even be opened
                ledger.database.close()

    def ctx(self, **changes: Any) -> ToolContext:
        context = ToolContext(
            mode=self.mode,
            policy=self.policy,
            ledger=self.ledger,
            aws=self.aws,
            storage=Storage(self.aws, (self.folder,)),
            audit=FileAudit(self.audit_path, self.clock),
            clock=self.clock,
            checkpoint=self._pass,
        )
        return replace(context, **changes)

    def _pass(self, name: str) -> None:
        self.seen.append(name)
        self.checkpoint(name)

    def store(self, body: PlanBody) -> Plan:
        view = store_plan(self.ctx(), body)
        record = self.ledger.plan(view.plan_id)
        assert record is not None
        return record.plan

    def approve(self, plan: Plan, **changes: Any) -> bool:
        """Record a person's approval as the terminal does."""
        now = self.clock()
        approval = Approval(
            approval_id=secrets.token_hex(8),
            plan_id=plan.plan_id,
            plan_digest=plan.digest,
            prompt_sha256=prompt_sha256(plan),
            channel="terminal",
            approver="ann",
            requester="ann",
            answer="approve",
            typed_value=ceiling_text(plan),
            at=now,
            expires_at=min(now + timedelta(minutes=30), plan.expires_at),
        )
        return self.ledger.approve(approval.model_copy(update=changes))

    def approved(self, body: PlanBody) -> Plan:
        plan = self.store(body)
        assert self.approve(plan)
        return plan

    def state(self, plan: Plan) -> str:
        record = self.ledger.plan(plan.plan_id)
        assert record is not None
        return record.state

    def train(self, name: str = "first", **changes: Any) -> PlanBody:
        """Return the body of a training plan: two uploads and one paid call."""
        recipe = "max_steps: 10\n"
        data = self.folder / "train.jsonl"
        if not data.exists():
            data.write_text('{"x": 1}\n' * 50, encoding="utf-8")
        content = data.read_bytes()
        prefix = f"s3://{BUCKET}/{name}/%%DIGEST12%%"
        steps = (
            UploadStep(name="recipe", uri=f"{prefix}/recipe.yaml", text=recipe, sha256=sha256_text(recipe), bytes=len(recipe)),
            UploadStep(
                name="data", uri=f"{prefix}/train.jsonl", file=str(data),
                sha256=hashlib.sha256(content).hexdigest(), bytes=len(content),
            ),
            create_step("training_job", f"nf-{name}-%%DIGEST12%%", bills=True),
        )  # fmt: skip
        return self.body(
            changes.pop("action", "train"),
            name,
            changes.pop("steps", steps),
            output=f"s3://{BUCKET}/{name}/out",
            **changes,
        )

    def deploy(self, name: str = "chat", **changes: Any) -> PlanBody:
        """Return the body of a deployment plan: model, configuration, endpoint, and waiting for it."""
        wait = Wait(
            operation="describe_endpoint", request={"EndpointName": f"nf-{name}-%%DIGEST12%%"}, field="EndpointStatus",
            until=("InService",), failed=("Failed",),
        )  # fmt: skip
        steps = (
            create_step("model", f"nf-{name}-%%DIGEST12%%"),
            create_step("endpoint_config", f"nf-{name}-%%DIGEST12%%"),
            create_step("endpoint", f"nf-{name}-%%DIGEST12%%", bills=True, wait=wait),
        )
        return self.body("deploy", name, steps, component="hosting", **changes)

    def reward(self, name: str = "grader", **changes: Any) -> PlanBody:
        """Return the body of a reward plan: role, its policy, function; nothing in it bills."""
        role = f"nf-reward-{name}-%%DIGEST12%%"
        steps = (
            AwsStep(
                name="role", service="iam", operation="create_role",
                request={"RoleName": role, "AssumeRolePolicyDocument": "{}", "Tags": TAGS},
                creates=CreatedResource(kind="iam:role", name=role, delete_with="iam:DeleteRole"),
            ),
            AwsStep(
                name="policy", service="iam", operation="put_role_policy",
                request={"RoleName": role, "PolicyName": "logs", "PolicyDocument": "{}"},
            ),
            AwsStep(
                name="function", service="lambda", operation="create_function",
                request={
                    "FunctionName": name, "Role": f"arn:aws:iam::{ACCOUNT}:role/{role}",
                    "Code": {"ZipFile": {"$base64": "UEs="}}, "Tags": {"novaforge:plan": "%%DIGEST%%"},
                },
                creates=CreatedResource(kind="lambda:function", name=name, delete_with="lambda:DeleteFunction"),
                wait=Wait(
                    operation="get_function_configuration", request={"FunctionName": name}, field="State",
                    until=("Active",), failed=("Failed",),
                ),
            ),
        )  # fmt: skip
        return self.body("create_reward", name, steps, cost=Cost(), **changes)

    def clean_up(self, *names: str, **changes: Any) -> PlanBody:
        """Return the body of a plan that deletes endpoints and waits until they are gone."""
        steps = tuple(
            AwsStep(
                name=f"delete {name}", service="sagemaker", operation="delete_endpoint",
                request={"EndpointName": name}, deletes=f"sagemaker:endpoint/{name}",
                wait=Wait(operation="describe_endpoint", request={"EndpointName": name}, field="EndpointStatus", gone=True),
            )
            for name in names
        )  # fmt: skip
        return self.body("clean_up", "cleanup", steps, cost=Cost(), **changes)

    def body(self, action: Any, name: str, steps: Any, component: Any = "training", **changes: Any) -> PlanBody:
        now = self.clock()
        price = Price(
            instance_type="ml.p5.48xlarge", region=REGION, component=component, usd_per_hour=Decimal("98.32"),
            source="snapshot", as_of=date(2026, 11, 1),
        )  # fmt: skip
        cost = Cost(
            nodes=(NodeGroup(role="worker", instance_type="ml.p5.48xlarge", count=4),), prices=(price,),
            max_runtime_s=3600, ceiling_usd=Decimal("393.28"),
        )  # fmt: skip
        values: dict[str, Any] = {
            "plan_id": new_plan_id(now), "action": action, "title": f"{action} {name}", "name": name,
            "model": "nova_lite_2", "method": "SFT_LORA", "platform": "sagemaker",
            "principal": Principal(account=ACCOUNT, arn="arn:aws:iam::1:user/ann", region=REGION),
            "sandbox": False, "steps": steps, "cost": cost, "spec": {"data": "train.jsonl"},
            "created_at": now, "expires_at": now + timedelta(minutes=30),
        }  # fmt: skip
        return PlanBody(**{**values, **changes})


def create_step(kind: str, name: str, **more: Any) -> AwsStep:
    name_key, _, short = KINDS[kind]
    return AwsStep(
        name=short,
        service="sagemaker",
        operation=f"create_{kind}",
        request={name_key: name, "Tags": TAGS},
        creates=CreatedResource(kind=f"sagemaker:{short}", name=name, delete_with=f"sagemaker:delete_{kind}"),
        **more,
    )


def expects(kind: str, expected: Any, target: JsonObject | None = None, name: str = "") -> Precondition:
    return Precondition(name=name or kind, kind=kind, target=target or {}, expected=expected)


def fresh_ledger(kind: str, folder: Path) -> str:
    """Return the URL of an empty ledger: a file, or a schema of its own on the PostgreSQL server tests may use."""
    if kind == "sqlite":
        return f"sqlite:///{folder / 'ledger.db'}"
    server = os.environ.get("NOVAFORGE_TEST_POSTGRES")
    if not server:
        pytest.skip("NOVAFORGE_TEST_POSTGRES names no PostgreSQL server")
    from sqlalchemy import create_engine, make_url, text

    schema = f"t{secrets.token_hex(8)}"
    url = make_url(server).set(drivername="postgresql+psycopg")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.execute(text(f"CREATE SCHEMA {schema}"))
    engine.dispose()
    return url.update_query_dict({"options": f"-csearch_path={schema}"}).render_as_string(hide_password=False)


def kill_at(name: str) -> Callable[[str], None]:
    """Return a checkpoint that ends this process, without any clean-up, at a name; * stands for a digest."""

    def check(reached: str) -> None:
        if fnmatchcase(reached, name):
            os.kill(os.getpid(), signal.SIGKILL)

    return check


def act(verb: str, folder: str, ledger_url: str, plan_id: str, checkpoint: str) -> None:
    """Apply a plan, or reconcile, in this process, which dies at the checkpoint."""
    from novaforge.tools.plans.apply import apply
    from novaforge.tools.plans.reconcile import reconcile
    from novaforge.tools.plans.worker import Pace

    world = World(Path(folder), ledger_url, checkpoint=kill_at(checkpoint))
    if verb == "apply":
        apply(world.ctx(), plan_id, pace=Pace(0))
    else:
        reconcile(world.ctx())


def serve() -> None:
    """Read actions from stdin, carry each out in a process of its own, and answer with how that process ended."""
    import sqlalchemy.dialects.sqlite

    assert sqlalchemy.dialects.sqlite  # loaded here once, so that each process starts fast
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            try:
                act(*json.loads(line))
            except BaseException as error:  # noqa: BLE001  # whatever it is, the child must end here
                print(f"{type(error).__name__}: {error}", file=sys.stderr)
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    serve()
