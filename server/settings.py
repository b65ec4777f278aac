"""How one server process is set up, from the command line and nothing else."""

import os
import re
import shlex
import shutil
import sys
from dataclasses import dataclass, field
from pathlib import Path

from novaforge.guards.policy import Policy, parse_policy

TOOLSETS = ("data", "rewards", "plans", "jobs", "evaluation", "deployment", "cleanup")


def default_state() -> Path:
    """Return the user's state directory for novaforge: XDG_STATE_HOME, else ~/.local/state."""
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "novaforge"


@dataclass(frozen=True)
class Settings:
    """One server's settings; `ledger_url` and `roots` are filled with defaults when not given."""

    sandbox: bool = False
    allow_write: bool = False
    read_only: bool = False
    toolsets: tuple[str, ...] = TOOLSETS
    policy: Policy = field(default_factory=Policy)
    policy_file: Path | None = None
    ledger_url: str | None = None
    roots: tuple[Path, ...] = ()
    state: Path | None = None
    region: str | None = None
    profile: str | None = None
    role: str | None = None
    log_level: str = "WARNING"
    answer_within_s: float = 40.0
    """A pass over data that takes longer becomes a job; the client is answered by then."""

    @property
    def state_dir(self) -> Path:
        """Where ledger and audit log live; a sandbox has its own folder, with its files beside them."""
        base = self.state or default_state()
        return base / "sandbox" if self.sandbox else base

    @property
    def ledger(self) -> str:
        """The ledger's SQLAlchemy URL."""
        return self.ledger_url or f"sqlite:///{self.state_dir / 'ledger.db'}"

    @property
    def work_dir(self) -> Path:
        """Where journals of unfinished outputs and the states of data jobs live."""
        return self.state_dir / "data"

    @property
    def audit_path(self) -> Path:
        """The audit log's file."""
        return self.state_dir / "audit.jsonl"

    @property
    def writes_allowed(self) -> bool:
        """Whether AWS may be changed: --read-only wins over --allow-write and --sandbox."""
        return not self.read_only and (self.allow_write or self.sandbox)

    @property
    def allowed_roots(self) -> tuple[Path, ...]:
        """Folders whose files tools may read and write: those given, else the working directory.

        Clients that start servers in / or in the home folder did not mean all of it: there, --root is needed.
        """
        here = Path.cwd().resolve()
        too_much = {Path(here.anchor), Path.home().resolve()}
        return self.roots or (() if here in too_much else (here,))

    @property
    def owner(self) -> str:
        """Who runs this server, for tags and the audit log."""
        from getpass import getuser  # here: loads the terminal modules, which a start does not need

        try:
            return getuser()
        except (KeyError, OSError):
            return "unknown"

    def command(self, verb: str) -> str:
        """Return the terminal command that runs `verb` on the same ledger under the same policy."""
        words = [*_program(), verb]
        if self.sandbox:
            words.append("--sandbox")
        if self.state is not None:
            words += ["--state", str(self.state)]
        if self.ledger_url is not None:
            words += ["--ledger", without_password(self.ledger_url)]
        if self.policy_file is not None:
            words += ["--policy", str(self.policy_file)]
        return shlex.join(words)


def read_policy(path: Path | None) -> Policy:
    """Read a policy file, or return the policy without limits; raises ConfigError when it is not readable."""
    return parse_policy(path.read_text(encoding="utf-8"), str(path)) if path is not None else Policy()


def without_password(url: str) -> str:
    """Return a ledger's URL as it may be shown to a model: psycopg finds a password in PGPASSWORD or ~/.pgpass as well."""
    url = re.sub(r"^([^/]*//[^:/@]*):[^@]*@", r"\1@", url)
    return re.sub(r"([?&])(?:ssl)?password=[^&]*&?", r"\1", url).rstrip("?&")


def _program() -> list[str]:
    """Return how this program is called from a terminal: by name where the shell finds it, else through its Python."""
    return ["novaforge-mcp"] if shutil.which("novaforge-mcp") else [sys.executable, "-m", "novaforge.server"]
