# Prepares code-server: picks the directory to open and writes a configuration
# of the session's own.

# The form is not checked by the portal, and a directory that exists on the
# portal may be missing here, so fall back to the home directory.
CODE_WORKING_DIR="${FORM_WORKING_DIR:-}"
if [[ "$CODE_WORKING_DIR" != /* || ! -d "$CODE_WORKING_DIR" || ! -r "$CODE_WORKING_DIR" || ! -x "$CODE_WORKING_DIR" ]]; then
  [[ -z "$CODE_WORKING_DIR" ]] || echo "Cannot read '$CODE_WORKING_DIR' on this node; using the home directory."
  CODE_WORKING_DIR="$HOME"
fi
export CODE_WORKING_DIR

# The user's ~/.config/code-server/config.yaml is not read: a hashed-password
# there would win over the session's password, and `cert: true` would speak TLS
# to a proxy that does not.
export CODE_CONFIG_FILE="${SESSION_DIR}/code-server.yaml"
(
  umask 077
  printf 'auth: password\ncert: false\n' > "$CODE_CONFIG_FILE"
)
