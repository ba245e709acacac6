# Hands the session's password to the program through its environment.

# shellcheck disable=SC2154  # the generated part of this file sets password
export PASSWORD="$password"
