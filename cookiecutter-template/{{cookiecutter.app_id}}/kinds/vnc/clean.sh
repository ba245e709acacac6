# Removes the private directory that before.sh made outside the session's own.

if [[ "${DESKTOP_DIR:-}" == /tmp/desktop-* ]]; then
  rm -rf -- "$DESKTOP_DIR"
fi
