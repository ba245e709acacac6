# Prepares a Jupyter server: picks the directory and the front end, hashes the
# session's password and writes the configuration that script.sh starts with.

# OOD copies this into connection.yml; the view appends it to the server's URL.
if [[ "${FORM_MODE:-}" == "notebook" ]]; then
  export JUPYTER_COMMAND="notebook" jupyter_api="tree"
else
  export JUPYTER_COMMAND="lab" jupyter_api="lab"
fi

# The form is not checked by the portal, and a directory that exists on the
# portal may be missing here, so fall back to the home directory.
NOTEBOOK_ROOT="${FORM_WORKING_DIR:-}"
if [[ "$NOTEBOOK_ROOT" != /* || ! -d "$NOTEBOOK_ROOT" || ! -r "$NOTEBOOK_ROOT" || ! -x "$NOTEBOOK_ROOT" ]]; then
  [[ -z "$NOTEBOOK_ROOT" ]] || echo "Cannot read '$NOTEBOOK_ROOT' on this node; using the home directory."
  NOTEBOOK_ROOT="$HOME"
fi
export NOTEBOOK_ROOT

# Jupyter only ever sees a salted hash. The password is random and long, so a
# plain SHA-256 is enough; printf is a builtin, so nothing shows in `ps`.
jupyter_salt="$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
# shellcheck disable=SC2154  # password is set by the generated part of this file
jupyter_digest="$(printf '%s%s' "$password" "$jupyter_salt" | sha256sum | cut -d ' ' -f 1)"
export JUPYTER_PASSWORD_HASH="sha256:${jupyter_salt}:${jupyter_digest}"
unset jupyter_salt jupyter_digest

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export JUPYTER_BASE_URL="/node/${host}/${port}/"
export JUPYTER_CONFIG_FILE="${SESSION_DIR}/jupyter_config.py"

# Every value reaches Python through the environment, never as Python source:
# a path may hold quotes, backslashes or line breaks.
(
  umask 077
  cat > "$JUPYTER_CONFIG_FILE" <<'PYTHON'
import os

from jupyter_server.auth.login import LoginFormHandler
from tornado.web import HTTPError


class PortalLoginHandler(LoginFormHandler):
    """Accepts the login form that the portal's session page posts.

    That page cannot know this server's _xsrf cookie, so the usual check would
    refuse its first post. Here the post must carry the password itself, which
    no other site knows, and must not come from another origin. All other
    requests are still checked for XSRF.
    """

    def check_xsrf_cookie(self):
        pass  # prepare() looks at the origin instead

    async def prepare(self):
        await super().prepare()
        if self.request.method == "POST" and not self.check_origin():
            raise HTTPError(403, "The login form was posted from another site.")


c = get_config()  # noqa: F821

# '*' listens on IPv4 and IPv6: the portal's proxy comes in over the network.
c.ServerApp.ip = "*"
c.ServerApp.port = int(os.environ["LISTEN_PORT"])
# On another port the proxy would not find the server: fail instead of moving.
c.ServerApp.port_retries = 0
c.ServerApp.base_url = os.environ["JUPYTER_BASE_URL"]
c.ServerApp.root_dir = os.environ["NOTEBOOK_ROOT"]
c.ServerApp.open_browser = False
# The Host header is the portal's name, not this node's.
c.ServerApp.allow_remote_access = True
# The portal says whether the browser used https; cookies are then "Secure".
c.ServerApp.trust_xheaders = True

c.PasswordIdentityProvider.hashed_password = os.environ["JUPYTER_PASSWORD_HASH"]
# Never start unprotected should the hash be missing, and have no second secret.
c.PasswordIdentityProvider.password_required = True
c.PasswordIdentityProvider.token = ""
c.PasswordIdentityProvider.login_handler_class = PortalLoginHandler
PYTHON
)
