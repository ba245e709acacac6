# Starts Streamlit, and the login in front of it.

@login.sh@

# Its checks of where requests come from (CORS, XSRF) stay on, whatever the
# user's own settings say.
export STREAMLIT_SERVER_HEADLESS=true
export STREAMLIT_SERVER_ENABLE_CORS=true
export STREAMLIT_SERVER_ENABLE_XSRF_PROTECTION=true
export STREAMLIT_BROWSER_GATHER_USAGE_STATS=false

if [[ -n "$STREAMLIT_APP" ]]; then cd "${STREAMLIT_APP%/*}/" || exit 1; else cd "$HOME" || exit 1; fi
echo "Starting Streamlit with ${STREAMLIT_APP:-its demonstration}"
run_in_app python3 "$SESSION_DIR/streamlit_server.py"
