"""A worker that keeps the contract and trains nothing: `fake_worker.py train|evaluate|serve JOB_DIR`, standard library only.

What it does beyond that is told by the sandbox setting `stand_in`: steps, step_s, fail, linger (ignores SIGTERM), no_port.
"""

import json
import signal
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


def train(folder: Path, facts: dict[str, Any]) -> int:
    told = facts["settings"]
    steps = int(told.get("steps", 3))
    print("Starting training", flush=True)
    for step in range(1, steps + 1):
        time.sleep(float(told.get("step_s", 0)))
        print(
            f"Training epoch 0, iteration {step}/{steps} | lr: 1.0e-05 | global_step: {step} | reduced_train_loss: {1 / step:.4f}",
            flush=True,
        )
        (folder / "progress.json").write_text(json.dumps({"step": step, "max_steps": steps, "epoch": 0}))
    if told.get("fail"):
        (folder / "failure.txt").write_text(str(told["fail"]))
        return 1
    if told.get("crash"):
        raise RuntimeError("out of luck")
    (folder / "result").mkdir()
    (folder / "result" / "manifest.json").write_text(json.dumps({"checkpoint_s3_bucket": facts["escrow_uri"]}))
    (folder / "checkpoint").mkdir()
    base = folder / "base" / "weights.txt"
    before = base.read_text() if base.is_file() else "base"
    (folder / "checkpoint" / "weights.txt").write_text(f"{before} > {facts['job_name']}")
    print("Training is complete", flush=True)
    return 0


def evaluate(folder: Path, facts: dict[str, Any]) -> int:
    print("Starting Model Evaluation", flush=True)
    target = folder / "result" / "run" / "eval_results"
    target.mkdir(parents=True)
    (target / "results_2026-11-20T00-00-00.json").write_text(json.dumps({"results": {"all": {"exact_match": 0.5}}}))
    return 0


class Chat(BaseHTTPRequestHandler):
    """Answers with the length of the last message, streamed on request."""

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if "messages" not in body:
            self._send(400, b'{"error":"messages is missing"}', "application/json")
        elif "gate" in body:
            self._send_in_two(Path(body["gate"]))
        elif body.get("stream"):
            parts = [f'data: {{"choices":[{{"delta":{{"content":"{word}"}}}}]}}\n\n' for word in ("größer", "wörld")]
            self._send(200, "".join([*parts, "data: [DONE]\n\n"]).encode(), "text/event-stream")
        else:
            text = f"heard {len(body['messages'][-1]['content'])}"
            answer = {"id": "chat-1", "choices": [{"index": 0, "message": {"role": "assistant", "content": text}}]}
            self._send(200, json.dumps(answer).encode(), "application/json")

    def _send_in_two(self, gate: Path) -> None:
        """Send one part, and the other only when a file appears: whoever makes it has seen the first."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(b"data: first\n\n")
        self.wfile.flush()
        deadline = time.monotonic() + 120
        while not gate.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        self.wfile.write(b"data: second\n\n" if gate.exists() else b"data: too late\n\n")

    def _send(self, status: int, data: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        print(format % args, flush=True)


def serve(folder: Path, facts: dict[str, Any]) -> int:
    if facts["settings"].get("no_port"):
        raise RuntimeError("no port for you")
    server = ThreadingHTTPServer(("127.0.0.1", 0), Chat)
    (folder / "serve.json").write_text(json.dumps({"port": server.server_port}))
    print("Model server is up", flush=True)
    server.serve_forever()
    return 0


def main(verb: str, folder: Path) -> int:
    facts = json.loads((folder / "worker.json").read_text())
    signal.signal(signal.SIGTERM, signal.SIG_IGN if facts["settings"].get("linger") else lambda *_: sys.exit(143))
    return {"train": train, "evaluate": evaluate, "serve": serve}[verb](folder, facts)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
