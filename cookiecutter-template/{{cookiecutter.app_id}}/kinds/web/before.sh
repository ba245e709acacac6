# Prepares a web server of your own: a private socket, and the login in front of it.

# A program without a login lets in everybody who reaches it, and other users of the
# portal reach every port of every node. So it does not listen on a port at all.
@socket.sh@

# shellcheck disable=SC2154  # host and port are set by the generated part of this file
export APP_BASE_URL="/rnode/${host}/${port}"

(
  umask 077
  # An example, to be replaced together with the line in script.sh that starts it.
  cat > "$SESSION_DIR/example.py" <<'PYTHON'
import http.server
import os
import socketserver


class Page(http.server.BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self):
        text = "<!DOCTYPE html><title>It works</title><h1>It works</h1><p>%s</p>" % os.uname().nodename
        body = text.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def address_string(self):
        return "browser"  # a Unix socket has no address


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """One thread for each request."""

    daemon_threads = True


Server(os.environ["APP_SOCKET"], Page).serve_forever()
PYTHON

  # The way in: asks for the session's password before it hands anything on.
  cat > "$SESSION_DIR/guard.py" <<'PYTHON'
@guard.py@
PYTHON
)
