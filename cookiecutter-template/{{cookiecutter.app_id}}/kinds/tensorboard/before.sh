# Prepares TensorBoard: the logs to show, a private socket, and the login in front of it.

# TensorBoard lets in everybody who reaches it, and other users of the
# portal reach every port of every node. So it does not listen on a port at all.
@socket.sh@

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export APP_BASE_URL="/node/${host}/${port}"

# The form is not checked by the portal, and a directory that exists there may be
# missing here.
if [[ "${FORM_LOG_DIR:-}" != /* || ! -d "$FORM_LOG_DIR" || ! -r "$FORM_LOG_DIR" ]]; then
  echo "Not a directory that can be read on this node: '${FORM_LOG_DIR:-}'" >&2
  exit 1
fi

(
  umask 077
  # TensorBoard can listen on a Unix socket, but its program ends when it wants to
  # print an address with a port.
  cat > "$SESSION_DIR/tensorboard_server.py" <<'PYTHON'
import os
import sys

from tensorboard import default, main_lib, program


class Server(program.WerkzeugServer):
    """TensorBoard's own server, on a socket that has no port."""

    def get_url(self):
        return "http://localhost:1/"  # for its own records; nothing listens there

    def print_serving_message(self):
        pass


os.environ["TMPDIR"] = os.environ["APP_DIR"]  # where it keeps these records
main_lib.global_init()
board = program.TensorBoard(plugins=default.get_plugins(), server_class=Server)
board.configure(
    (
        "tensorboard",
        "--logdir=" + os.environ["FORM_LOG_DIR"],
        "--port=1",  # asked whether it is free, then ignored
        "--path_prefix=" + os.environ["APP_BASE_URL"],
        # Its data server listens on a port of this node, and asks nobody who they are.
        "--load_fast=false",
        "--host=unix://" + os.environ["APP_SOCKET"],
    )
)
sys.exit(board.main())
PYTHON

  # The way in: asks for the session's password before it hands anything on.
  cat > "$SESSION_DIR/guard.py" <<'PYTHON'
@guard.py@
PYTHON
)
