# Its socket is in a directory that only this user can enter: even on this node no
# other user reaches it. The path is short, as a socket's name must be; clean.sh
# removes it.
if ! APP_DIR="$(mktemp -d /tmp/ood-app-XXXXXXXX)"; then
  echo "Cannot make a directory in /tmp on this node." >&2
  exit 1
fi
export APP_DIR
export APP_SOCKET="$APP_DIR/app.sock"
