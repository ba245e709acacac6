"""The job script that Open OnDemand wraps around an app's scripts, in our own words.

It keeps to what OOD promises an app: the working directory, ``host``, ``port`` and ``password``, the
helper functions, the order in which the app's files run, and connection.yml.
"""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

_HELPERS = r"""
# Helpers that an app's scripts may call.
source_helpers() {
  random_number() { shuf -i "$1-$2" -n 1; }

  # 0: somebody listens on [HOST:]PORT; 1: nobody does.
  port_used() {
    local where="localhost" number="${1##*:}"
    [[ "$1" == *:* ]] && where="${1%:*}"
    nc -w 2 "$where" "$number" < /dev/null > /dev/null 2>&1
  }

  find_port() {
    local where="${1:-localhost}" from="${2:-2000}" to="${3:-65535}" candidate attempt
    for ((attempt = 0; attempt < 1000; attempt++)); do
      candidate=$(random_number "$from" "$to")
      if ! port_used "${where}:${candidate}"; then
        echo "$candidate"
        return 0
      fi
    done
    echo "no port between $from and $to is free" >&2
    return 1
  }

  wait_until_port_used() {
    local tries=$((${2:-30} * 2))
    while ((tries-- > 0)); do
      port_used "$1" && return 0
      sleep 0.5
    done
    return 1
  }

  create_passwd() {
    local text=""
    while ((${#text} < ${1:-8})); do
      text+=$(head -c 256 /dev/urandom | tr -cd 'a-zA-Z0-9')
    done
    printf '%s' "${text:0:${1:-8}}"
  }

  export -f random_number port_used find_port wait_until_port_used create_passwd
}
export -f source_helpers
source_helpers
"""

_COURSE = r"""
if [[ -e "$STAGED/before.sh" ]]; then source "$STAGED/before.sh"; fi

"$STAGED/script.sh" &
SCRIPT_PID=$!

if [[ -e "$STAGED/after.sh" ]]; then source "$STAGED/after.sh"; fi

create_yml

wait "$SCRIPT_PID" || clean_up 1
clean_up
"""


def job_script(staged_root: Path, conn_params: Sequence[str] = ()) -> str:
    """The script that sbatch reads from standard input for the template `basic`."""
    names = list(dict.fromkeys((*conn_params, "host", "port", "password")))
    written = "\n".join(f'    echo "{name}: ${{{name}}}"' for name in names)
    return f"""#!/bin/bash
STAGED={shlex.quote(str(staged_root))}
cd "$STAGED"
export host
export port

create_yml() {{
  (
    umask 077
    {{
{written}
    }} > "$STAGED/connection.yml"
  )
}}

clean_up() {{
  if [[ -e "$STAGED/clean.sh" ]]; then source "$STAGED/clean.sh"; fi
  [[ -n "${{SCRIPT_PID:-}}" ]] && pkill -P "$SCRIPT_PID"
  pkill -P $$
  exit "${{1:-0}}"
}}
{_HELPERS}
host=$(hostname)
{_COURSE}"""
