#!/usr/bin/env bash
# Drive the server with the MCP Inspector in both protocol eras: strict tools/list, prompts, resources and real calls.
# Usage: benchmarks/inspector.sh [PYTHON]. Needs npm; Node and the Inspector are installed into a temporary folder.
set -euo pipefail

python=$(command -v "${1:-.venv/bin/python}")
python=$(cd "$(dirname "$python")" && pwd)/$(basename "$python")
work=$(mktemp -d)
cleanup() { "$python" -m novaforge.server sandbox --stop --state "$work/state" >/dev/null || true; rm -rf "$work"; }
trap cleanup EXIT
cd "$work"
npm install --silent --no-fund --no-audit node@22 @modelcontextprotocol/inspector@2.12.0 >/dev/null
export PATH="$work/node_modules/.bin:$PATH"
printf 'text,label\nhello there,a\nanother one,b\n' > rows.csv

ask() { mcp-inspector --cli "$python" -m novaforge.server serve --sandbox --state "$work/state" --root "$work" --protocol-era "$@" --format json; }

for era in legacy modern; do
  ask "$era" --method tools/list --strict > list.json 2> findings.txt || { cat findings.txt; exit 1; }
  [ ! -s findings.txt ] || { cat findings.txt; exit 1; }
  ask "$era" --method prompts/list > /dev/null
  ask "$era" --method resources/list > /dev/null
  ask "$era" --method tools/call --tool-name list_options --tool-args-json '{}' > /dev/null
  ask "$era" --method tools/call --tool-name inspect_dataset --tool-args-json "{\"source\": \"$work/rows.csv\"}" > /dev/null
  ask "$era" --method tools/call --tool-name get_spend --tool-args-json '{}' > /dev/null
  if ask "$era" --method tools/call --tool-name get_plan --tool-args-json '{"plan": "x"}' > refused.json 2> /dev/null; then
    echo "$era: an unknown argument was not refused"; exit 1
  fi
  echo "$era: $(node -p 'require("./list.json").tools?.length ?? require("./list.json").result.tools.length') tools, no strict finding, calls answered, unknown argument refused"
done
