# Starts Shiny for R, and the login in front of it.

@login.sh@

cd "$HOME" || exit 1

echo "Starting Shiny with ${SHINY_APP:-its first example}"
run_in_app Rscript "$SESSION_DIR/shiny.R"
