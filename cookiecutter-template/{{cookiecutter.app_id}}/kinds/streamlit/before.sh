# Prepares Streamlit: the app to show, a private socket, and the login in front of it.

# Streamlit lets in everybody who reaches it, and other users of the
# portal reach every port of every node. So it does not listen on a port at all.
@socket.sh@

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export APP_BASE_URL="/rnode/${host}/${port}"

# The form is not checked by the portal, and a file that exists there may be
# missing here.
STREAMLIT_APP="${FORM_APP_FILE:-}"
if [[ -n "$STREAMLIT_APP" && ! ( "$STREAMLIT_APP" == /*.py && -f "$STREAMLIT_APP" && -r "$STREAMLIT_APP" ) ]]; then
  echo "Not a Python file that can be read on this node: '$STREAMLIT_APP'" >&2
  exit 1
fi
export STREAMLIT_APP

(
  umask 077
  # Releases up to 1.5x listen on a Unix socket when they are told its name; later
  # ones are an app for uvicorn, which does.
  cat > "$SESSION_DIR/streamlit_server.py" <<'PYTHON'
import os

script = os.environ["STREAMLIT_APP"]
if not script:
    import streamlit.hello

    folder = os.path.dirname(streamlit.hello.__file__)
    script = next(
        path
        for path in (os.path.join(folder, name) for name in ("streamlit_app.py", "Hello.py"))
        if os.path.exists(path)
    )
try:
    from streamlit.starlette import App
except ImportError:
    os.environ["STREAMLIT_SERVER_ADDRESS"] = "unix://" + os.environ["APP_SOCKET"]
    os.execvp("streamlit", ["streamlit", "run", script])

import uvicorn
from streamlit import config

uvicorn.run(
    App(script),
    uds=os.environ["APP_SOCKET"],
    ws_max_size=config.get_option("server.maxMessageSize") * 1000 * 1000,
    access_log=False,
)
PYTHON

  # The way in: asks for the session's password before it hands anything on.
  cat > "$SESSION_DIR/guard.py" <<'PYTHON'
@guard.py@
PYTHON
)
