"""Time from spawn to an answered tools/list over stdio, side by side with a bare MCPServer that has one tool.

Run: python benchmarks/cold_start.py [rounds]. Prints medians and the ratio; rounds alternate so that load hits both alike.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path

import anyio
from mcp import Client, StdioServerParameters

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare")
@server.tool()
def ping(text: str) -> str:
    "Answer."
    return text
server.run("stdio")
"""


async def start_to_list(parameters: StdioServerParameters) -> float:
    """Return seconds from spawn to the answer of tools/list."""
    began = time.perf_counter()
    async with Client(parameters) as client:
        await client.list_tools()
        return time.perf_counter() - began


def main() -> None:
    """Print the table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "bare.py")
        script.write_text(BARE, encoding="utf-8")
        bare = StdioServerParameters(command=sys.executable, args=[str(script)])
        ours = StdioServerParameters(
            command=sys.executable, args=["-m", "novaforge.server", "--sandbox", "--state", folder]
        )
        times: dict[str, list[float]] = {"bare MCPServer, 1 tool": [], "novaforge-mcp, 20 tools": []}
        for _ in range(rounds):
            for name, parameters in zip(times, (bare, ours), strict=True):
                times[name].append(anyio.run(start_to_list, parameters))
    print(f"{'server':<26}{'median s':>10}{'best s':>10}")
    for name, values in times.items():
        print(f"{name:<26}{statistics.median(values):>10.3f}{min(values):>10.3f}")
    first, second = (statistics.median(values) for values in times.values())
    print(f"ratio of medians: {second / first:.2f} (bar: 1.5)")


if __name__ == "__main__":
    main()
