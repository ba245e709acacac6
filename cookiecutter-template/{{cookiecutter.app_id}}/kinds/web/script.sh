# Starts the program, and the login in front of it.

@login.sh@

cd "$HOME" || exit 1

# Your program goes here. It listens on the Unix socket $APP_SOCKET, for example
#   gunicorn --bind "unix:$APP_SOCKET" app:app
#   uvicorn --uds "$APP_SOCKET" app:app
# and serves its pages with relative links: browsers see it below $APP_BASE_URL.
run_in_app python3 "$SESSION_DIR/example.py"
