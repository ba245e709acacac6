# Starts the program.

cd "$HOME" || exit 1
run_in_app {{ cookiecutter.command }}
