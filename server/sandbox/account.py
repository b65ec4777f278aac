"""What a sandbox account holds; how it begins and ends is life.py's."""

import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from novaforge.server.sandbox.children import Children
from novaforge.server.sandbox.faults import Faults
from novaforge.server.sandbox.inner import Moto
from novaforge.server.sandbox.jobs import Job
from novaforge.server.sandbox.settings import SandboxSettings

if TYPE_CHECKING:
    from novaforge.server.sandbox.hosting import Hosting
    from novaforge.server.sandbox.services.running_query import Running
    from novaforge.server.sandbox.supervisor import Supervisor


class Account:
    """One account: moto's part behind `moto`, ours in the attributes; `lock` guards the dictionaries."""

    supervisor: "Supervisor"
    hosting: "Hosting"
    life: str

    def __init__(self, folder: Path, settings: SandboxSettings, url: str, moto: Moto) -> None:
        self.folder, self.settings, self.url, self.moto = folder, settings, url, moto
        self.escrow = folder / "escrow"
        self.lock = threading.RLock()
        self.children = Children()
        self.faults = Faults(settings.faults, settings.job_faults)
        self.jobs: dict[str, Job] = {}
        self.tags: dict[str, dict[str, str]] = {}
        self.hub_documents: dict[str, Any] = {}
        self.log_queries: dict[str, Running] = {}

    @property
    def life_folder(self) -> Path:
        """Where this life keeps working files of jobs, endpoints and functions."""
        return self.folder / "lives" / self.life
