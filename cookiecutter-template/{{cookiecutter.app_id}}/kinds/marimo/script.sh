# Starts marimo on the chosen directory, protected by the session's password.

# Notebooks do not inherit it.
unset password

cd "$MARIMO_DIR" || exit 1

echo "Starting marimo on port $LISTEN_PORT at $MARIMO_BASE_URL"
# The proxy comes in over the network, so it listens there, with its own login on.
# Unless it is quiet, it prints an address with the password into the job's log.
run_in_app marimo --quiet --yes edit \
  --headless \
  --host 0.0.0.0 \
  --port "$LISTEN_PORT" \
  --base-url "$MARIMO_BASE_URL" \
  --token-password-file "$MARIMO_PASSWORD_FILE" \
  --skip-update-check \
  .
