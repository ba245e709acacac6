# The session's password is for the guard alone. It is in no command line, and
# what the program starts does not inherit it.
guard_python=""
for candidate in /usr/bin/python3 /usr/libexec/platform-python python3; do
  # Modules may set variables that break another Python than their own.
  if "$candidate" -I -c 'import asyncio' 2> /dev/null; then
    guard_python="$candidate"
    break
  fi
done
if [[ -z "$guard_python" ]]; then
  echo "There is no python3 on this node, which the session's login needs." >&2
  exit 1
fi
# shellcheck disable=SC2154  # password is exported by the generated before.sh
GUARD_PASSWORD="$password" GUARD_PARENT=$$ "$guard_python" -I "$SESSION_DIR/guard.py" &
guard_pid=$!
# However this ends, nothing of it stays.
trap 'kill "$guard_pid" 2> /dev/null; rm -rf -- "$APP_DIR"' EXIT
unset password
