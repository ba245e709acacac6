# Prepares marimo: picks the directory to open, and keeps the session's password
# where only this user can read it.

# The form is not checked by the portal, and a directory that exists on the
# portal may be missing here, so fall back to the home directory.
MARIMO_DIR="${FORM_WORKING_DIR:-}"
if [[ "$MARIMO_DIR" != /* || ! -d "$MARIMO_DIR" || ! -r "$MARIMO_DIR" || ! -x "$MARIMO_DIR" ]]; then
  [[ -z "$MARIMO_DIR" ]] || echo "Cannot read '$MARIMO_DIR' on this node; using the home directory."
  MARIMO_DIR="$HOME"
fi
export MARIMO_DIR

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export MARIMO_BASE_URL="/node/${host}/${port}"
export MARIMO_PASSWORD_FILE="$SESSION_DIR/marimo-password"
(
  umask 077
  # printf is a builtin, so nothing shows in `ps`.
  # shellcheck disable=SC2154  # password is set by the generated part of this file
  printf '%s' "$password" > "$MARIMO_PASSWORD_FILE"
)
