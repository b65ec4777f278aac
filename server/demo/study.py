"""The case study as a sequence of tool calls: baseline, SFT, RFT, an evaluation after each, deployment, a call, cleanup."""

import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio

from novaforge.server.demo.driver import Data, DemoStopped, Driver, say
from novaforge.server.demo.inputs import Inputs

MODEL = "nova_lite_2"
PLATFORM = "sagemaker"
POLL_S = 5
ENDPOINT_WAIT_S = 120


@dataclass
class Study:
    """One run through the loop; keeps plans and jobs for the report."""

    driver: Driver
    inputs: Inputs
    base: str
    plans: list[Data] = field(default_factory=list[Data])
    outcomes: dict[str, Data] = field(default_factory=dict[str, Data])
    reports: dict[str, Data] = field(default_factory=dict[str, Data])

    async def run(self) -> Data:
        """Carry out the whole study; returns what the report is made of."""
        await self.prepare()
        self.heading("Baseline: the model before any training")
        baseline = await self.evaluate("baseline", None)
        self.heading("SFT with LoRA")
        sft = await self.train_sft()
        sft_eval = await self.evaluate("sft", sft)
        await self.compare([baseline, sft_eval])
        self.heading("RFT with a Lambda reward, from the SFT checkpoint")
        rft = await self.train_rft(sft)
        rft_eval = await self.evaluate("rft", rft)
        comparison = await self.compare([baseline, sft_eval, rft_eval])
        self.heading("Deployment, a call, cleanup")
        await self.deploy_and_call(rft)
        spend = await self.clean_up()
        return {"comparison": comparison, "spend": spend, "jobs": {"sft": sft, "rft": rft}}

    async def prepare(self) -> None:
        """Inspect, transform and validate the three files."""
        self.heading("Data")
        columns = {"query": self.inputs.query, "response": self.inputs.response}
        await self.driver.call("inspect_dataset", source=str(self.inputs.sft), columns=columns)
        for role, method, source in self._files():
            await self.driver.call(
                "transform_dataset", source=str(source), target=f"{self.base}/data/{role}", method=method, model=MODEL,
                columns=columns, system_prompt=self.inputs.system_prompt, platform=PLATFORM,
            )  # fmt: skip
        for role, method, _ in self._files():
            others = [self.data(other) for other, _, _ in self._files() if other != role]
            await self.driver.call(
                "validate_dataset",
                source=self.data(role),
                method=method,
                model=MODEL,
                platform=PLATFORM,
                against=others,
            )

    async def evaluate(self, name: str, base: str | None) -> str:
        """Plan, approve and run one evaluation; returns its job id."""
        plan = await self.plan(
            "plan_evaluation", task="gen_qa", model=MODEL, platform=PLATFORM, data=self.data("eval"),
            output=f"{self.base}/out/eval-{name}", base=base, instance_type="ml.p4d.24xlarge", instance_count=1, name=f"eval-{name}",
            overrides={"max_new_tokens": 16},
        )  # fmt: skip
        job = await self.start_and_follow(plan)
        self.reports[name] = await self.driver.call("get_evaluation", job_id=job, labels=self.inputs.labels, plots=True)
        return job

    async def train_sft(self) -> str:
        """Plan, approve and run SFT; returns its job id."""
        plan = await self.plan(
            "plan_training", method="SFT_LORA", model=MODEL, platform=PLATFORM, data=self.data("sft"),
            output=f"{self.base}/out/sft", instance_type="ml.p5.48xlarge", instance_count=4, name="sft", overrides=self.inputs.sft_overrides(),
        )  # fmt: skip
        return await self.start_and_follow(plan)

    async def train_rft(self, sft: str) -> str:
        """Test and deploy the reward, then plan, approve and run RFT; returns its job id."""
        reward = self.inputs.reward_file
        await self.driver.call(
            "test_reward", function=str(reward), data=self.data("rft"), samples=20, platform=PLATFORM
        )
        deployed = await self.driver.apply(
            await self.plan("plan_reward", function=str(reward), name="exact-label", platform=PLATFORM)
        )
        plan = await self.plan(
            "plan_training", method="RFT_LORA", model=MODEL, platform=PLATFORM, data=self.data("rft"), output=f"{self.base}/out/rft",
            base=sft, reward=deployed["reward_arn"], instance_type="ml.p5.48xlarge", instance_count=2, name="rft",
            overrides=self.inputs.rft_overrides(),
        )  # fmt: skip
        return await self.start_and_follow(plan)

    async def compare(self, jobs: list[str]) -> Data:
        """Compare evaluations on the same rows."""
        return await self.driver.call("compare_evaluations", job_ids=jobs, labels=self.inputs.labels, plots=True)

    async def deploy_and_call(self, job: str) -> None:
        """Deploy the tuned checkpoint, wait until it answers, and ask it one question."""
        plan = await self.plan("plan_deployment", base=job, target="sagemaker", name="demo", delete_after="1h")
        deployment = (await self.driver.apply(plan))["deployment_id"]
        await self._until_in_service(deployment)
        messages: list[Data] = [{"role": "user", "content": self.inputs.sample}]
        if self.inputs.system_prompt:
            messages.insert(0, {"role": "system", "content": self.inputs.system_prompt})
        await self.driver.call(
            "invoke_model", deployment_id=deployment, messages=messages, max_tokens=16, temperature=0
        )

    async def clean_up(self) -> Data:
        """Delete everything that was made, then show that nothing is left running."""
        await self.driver.call("get_spend")
        await self.driver.apply(await self.plan("plan_cleanup", scope="all"))
        return await self.driver.call("get_spend")

    async def plan(self, tool: str, **arguments: Any) -> Data:
        """Make a plan and remember it."""
        plan = await self.driver.call(tool, **arguments)
        self.plans.append(plan)
        return plan

    async def start_and_follow(self, plan: Data) -> str:
        """Apply a plan that starts a job and show its log until it ends; raises DemoStopped if it failed."""
        job_id: str = (await self.driver.apply(plan))["job_id"]
        cursor: str | None = None
        began = time.monotonic()
        while True:
            page = await self.driver.call(
                "tail_logs", quiet=True, job_id=job_id, cursor=cursor, limit=500, wait_s=POLL_S
            )
            cursor = page["cursor"]
            job = await self.driver.call("get_job", quiet=True, job_id=job_id)
            show_progress(job, page, time.monotonic() - began)
            if job["phase"] in {"completed", "failed", "stopped"} and not page["untrusted_lines"]:
                break
        say("")
        final = await self.driver.call("get_job", job_id=job_id)
        await self.driver.call("tail_logs", quiet=True, job_id=job_id, limit=500, plot=True)
        self.outcomes[job_id] = final
        if final["phase"] != "completed":
            raise DemoStopped(f"The job {job_id} {final['phase']}: {final.get('failure') or 'see its log'}")
        return job_id

    async def _until_in_service(self, deployment: str) -> None:
        deadline = time.monotonic() + ENDPOINT_WAIT_S
        states: dict[str, str] = {}
        while time.monotonic() < deadline:
            spend = await self.driver.call("get_spend", quiet=True)
            states = {item.get("name"): item.get("status") for item in spend["running"]}
            if states.get(deployment) == "InService":
                return
            if states.get(deployment) in {"Failed", None}:
                break
            await anyio.sleep(1)
        raise DemoStopped(f"The endpoint {deployment} is {states.get(deployment) or 'gone'}, not in service.")

    def data(self, role: str) -> str:
        """Return the URI of a transformed file."""
        return f"{self.base}/data/{role}/{'gen_qa' if role == 'eval' else 'train'}.jsonl"

    def heading(self, text: str) -> None:
        """Print a section title."""
        say(f"\n\n{text}\n{'-' * len(text)}")

    def _files(self) -> list[tuple[str, str, Path]]:
        inputs = self.inputs
        return [
            ("sft", "SFT_LORA", inputs.sft),
            ("rft", "RFT_LORA", inputs.rft),
            ("eval", "EVALUATION", inputs.evaluation),
        ]


def show_progress(job: Data, page: Data, seconds: float) -> None:
    """Print one line about a running job."""
    last = page["untrusted_lines"][-1]["text"] if page["untrusted_lines"] else ""
    say(f"  {seconds:5.0f} s  {job['phase']:<9} {job['stage']:<22} {last[:110]}")
