# Starts code-server on the chosen directory, protected by the session's password.

# Extensions and settings stay with the user from one session to the next.
code_data_dir="$HOME/.local/share/code-server"
mkdir -p "$code_data_dir" || exit 1

# code-server takes PASSWORD from its environment and then hides it from the
# terminals it opens; the lower-case copy would still be there.
# shellcheck disable=SC2154  # password is exported by the generated before.sh
export PASSWORD="$password"
unset password

# Each of these, left over from the user's own set-up, would override an option
# below or take this start for a second window of a running editor.
unset HASHED_PASSWORD PORT CODE_SERVER_HOST CODE_SERVER_PARENT_PID VSCODE_IPC_HOOK_CLI

cd "$CODE_WORKING_DIR" || exit 1

echo "Starting code-server on port $LISTEN_PORT"
run_in_app code-server \
  --config "$CODE_CONFIG_FILE" \
  --auth password \
  --bind-addr "0.0.0.0:${LISTEN_PORT}" \
  --user-data-dir "$code_data_dir" \
  --disable-telemetry \
  --disable-update-check \
  --ignore-last-opened \
  "$CODE_WORKING_DIR"
