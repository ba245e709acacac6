# Removes the private directory that before.sh made outside the session's own.

if [[ "${RSTUDIO_LOCAL_DIR:-}" == /tmp/rstudio-* ]]; then
  rm -rf -- "$RSTUDIO_LOCAL_DIR"
fi
