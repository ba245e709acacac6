# Starts RStudio Server for this user alone, protected by the session's password.

# Only RSTUDIO_PASSWORD is needed, by the PAM helper.
unset password

# The end of the job ends R; rserver would suspend an idle session after hours.
export RSTUDIO_SESSION_TIMEOUT=0

cd "$HOME" || exit 1

echo "Starting RStudio Server on port $LISTEN_PORT"
# The view posts the password in plain form fields (over the portal's https),
# which is what turning off the encryption by JavaScript allows.
run_in_app "$SESSION_DIR/rstudio-server.sh" \
  --server-daemonize 0 \
  --server-data-dir "$RSTUDIO_LOCAL_DIR/run" \
  --secure-cookie-key-file "$RSTUDIO_LOCAL_DIR/secure-cookie-key" \
  --database-config-file "$RSTUDIO_LOCAL_DIR/database.conf" \
  --www-address 0.0.0.0 \
  --www-port "$LISTEN_PORT" \
  --auth-none 0 \
  --auth-encrypt-password 0 \
  --auth-pam-helper-path "$SESSION_DIR/rstudio-auth.sh" \
  --rsession-path "$SESSION_DIR/rstudio-session.sh"
