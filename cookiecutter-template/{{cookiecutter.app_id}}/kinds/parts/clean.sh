# Removes the directory that before.sh made outside the session's own.

if [[ "${APP_DIR:-}" == /tmp/ood-app-* ]]; then
  rm -rf -- "$APP_DIR"
fi
