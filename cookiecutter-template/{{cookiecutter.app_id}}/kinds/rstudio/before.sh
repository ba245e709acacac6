# Prepares RStudio Server: a token for its sign-in form, a private directory on
# this node, and the three small programs that rserver is started with.

# RStudio accepts the sign-in form only with a token that is in a cookie too;
# the view sends both. The leading letter keeps YAML from reading a number.
csrf_token="t$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')"
export csrf_token

# Read by the PAM helper below; rserver itself never compares passwords.
# shellcheck disable=SC2154  # password is set by the generated part of this file
export RSTUDIO_PASSWORD="$password"

# Sockets do not fit the session's directory: its path is longer than a socket's
# name may be, and it is often on a file system without locks. clean.sh removes
# this one. /tmp, as an image sees the same one.
if ! RSTUDIO_LOCAL_DIR="$(mktemp -d /tmp/rstudio-XXXXXXXX)"; then
  echo "Cannot make a directory in /tmp on this node." >&2
  exit 1
fi
export RSTUDIO_LOCAL_DIR
mkdir -p "$RSTUDIO_LOCAL_DIR/run" "$RSTUDIO_LOCAL_DIR/db"

(
  umask 077

  od -An -N32 -tx1 /dev/urandom | tr -d ' \n' > "$RSTUDIO_LOCAL_DIR/secure-cookie-key"
  printf 'provider=sqlite\ndirectory=%s/db\n' "$RSTUDIO_LOCAL_DIR" > "$RSTUDIO_LOCAL_DIR/database.conf"

  # rserver calls this with the user's name and writes the password, without a
  # line break, to its standard input. It says nothing; its status is the answer.
  cat > "$SESSION_DIR/rstudio-auth.sh" <<'HELPER'
#!/usr/bin/env bash
# Lets only the owner of this session in, and only with the session's password.
IFS= read -r given || true
[[ -n "${RSTUDIO_PASSWORD:-}" ]] || exit 1
[[ "${1:-}" == "$(id -un)" && "$given" == "$RSTUDIO_PASSWORD" ]]
HELPER

  # Runs where rserver runs, which may be inside an image, so everything that
  # depends on the program is found out here and not in script.sh.
  cat > "$SESSION_DIR/rstudio-server.sh" <<'SERVER'
#!/usr/bin/env bash
# Starts rserver, leaving its environment behind for the R session.

# Where the packages of RStudio put it, for images that do not have it in PATH.
PATH="$PATH:/usr/lib/rstudio-server/bin"
if ! server="$(command -v rserver)"; then
  echo "rserver is not in PATH: $PATH" >&2
  exit 127
fi
# rsession lies beside the real rserver, which may be reached through a link.
server="$(readlink -f "$server")"
export RSTUDIO_RSESSION="${server%/*}/rsession"

# The password is of no use to an R session, and sessions print their variables.
(umask 077; env -0 -u RSTUDIO_PASSWORD -u password > "$RSTUDIO_LOCAL_DIR/environment")

# These came with later releases, and an unknown option is an error. Without a
# readable help text assume a recent release.
options=()
help="$("$server" --help 2>&1)"
known() { [[ "$help" != *--auth-none* || "$help" == *"--$1 "* ]]; }
# rserver wants to become the user "rstudio-server", whom this node may lack.
if known server-user; then options+=(--server-user "$(id -un)"); fi
# Users never see the password, so they could not sign in again when idle.
if known auth-timeout-minutes; then options+=(--auth-timeout-minutes 0); fi
# The R of the chosen version, not the first one that rserver knows of.
if r_program="$(command -v R)"; then options+=(--rsession-which-r "$r_program"); fi

exec "$server" "$@" "${options[@]}"
SERVER

  # rserver starts R sessions in an almost empty environment, without what the
  # modules have set.
  cat > "$SESSION_DIR/rstudio-session.sh" <<'SESSION'
#!/usr/bin/env bash
# Starts an R session with the environment that rserver was started in. What
# rserver has set for the session wins, but for PATH and HOME, which it guesses.
while IFS= read -r -d '' setting; do
  name="${setting%%=*}"
  [[ "$name" =~ ^[A-Za-z_][A-Za-z0-9_]*$ ]] || continue
  if [[ "$name" == PATH || "$name" == HOME || -z "${!name+set}" ]]; then
    export "${name}=${setting#*=}"
  fi
done < __LOCAL_DIR__/environment
exec "$RSTUDIO_RSESSION" "$@"
SESSION
  # mktemp made this name, so it needs no quoting; the session does not get our
  # variables, so it cannot look the name up.
  sed -i "s|__LOCAL_DIR__|${RSTUDIO_LOCAL_DIR}|" "$SESSION_DIR/rstudio-session.sh"

  chmod 700 "$SESSION_DIR"/rstudio-{auth,server,session}.sh
)
