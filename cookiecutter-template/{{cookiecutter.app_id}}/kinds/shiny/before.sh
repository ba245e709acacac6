# Prepares Shiny: the app to show, a private socket, and the login in front of it.

# Shiny lets in everybody who reaches it, and other users of the
# portal reach every port of every node. So it does not listen on a port at all.
@socket.sh@

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export APP_BASE_URL="/rnode/${host}/${port}"

# The form is not checked by the portal, and a directory that exists there may be
# missing here.
SHINY_APP="${FORM_APP_DIR:-}"
if [[ -n "$SHINY_APP" && ! ( "$SHINY_APP" == /* && -d "$SHINY_APP" && -r "$SHINY_APP" ) ]]; then
  echo "Not a directory that can be read on this node: '$SHINY_APP'" >&2
  exit 1
fi
export SHINY_APP

(
  umask 077
  # Where `port` is a text, Shiny listens on a Unix socket of that name. Values come
  # through the environment, never as R source: a path may hold quotes.
  cat > "$SESSION_DIR/shiny.R" <<'RSCRIPT'
app <- Sys.getenv("SHINY_APP")
if (app == "") app <- system.file("examples", "01_hello", package = "shiny")
shiny::runApp(
  app,
  port = structure(Sys.getenv("APP_SOCKET"), mask = strtoi("077", 8L)),
  launch.browser = FALSE
)
RSCRIPT

  # The way in: asks for the session's password before it hands anything on.
  cat > "$SESSION_DIR/guard.py" <<'PYTHON'
@guard.py@
PYTHON
)
