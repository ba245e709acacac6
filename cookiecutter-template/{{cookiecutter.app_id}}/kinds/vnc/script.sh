# Starts one program with windows on the display that OOD's VNC server has made,
# and ends when the user closes it.

cd "$HOME" || exit 1

# Programs in the home directory, from conda for example, bring their own dbus
# and Qt, which break a desktop.
safe_path=""
while IFS= read -r -d : directory; do
  case "$directory" in
    "$HOME" | "$HOME"/* | "") ;;
    *) safe_path="${safe_path:+$safe_path:}$directory" ;;
  esac
done <<< "$PATH:"
export PATH="${safe_path:-/usr/local/bin:/usr/bin:/bin}"

export XDG_RUNTIME_DIR="$DESKTOP_DIR/run"
export XDG_CONFIG_DIRS="$DESKTOP_DIR/xdg:${XDG_CONFIG_DIRS:-/etc/xdg}"
export XDG_SESSION_TYPE="x11"
# These would lead to the session that the job was submitted from.
unset DBUS_SESSION_BUS_ADDRESS SESSION_MANAGER WAYLAND_DISPLAY

# A blank screen looks like a broken connection. Not every node has xset.
if command -v xset > /dev/null; then
  xset s off -dpms 2> /dev/null || true
fi

echo "Starting $APP_PROGRAM on display ${DISPLAY:-}"
# What there is can only be seen where the program runs, maybe inside an image.
# Windows need something that moves them; the first one found will do, and a
# program that fills the screen does without.
# shellcheck disable=SC2016  # to be expanded by the inner shell
run_in_app bash -c '
  for manager in xfwm4 marco openbox metacity icewm twm; do
    if command -v "$manager" > /dev/null; then
      "$manager" &
      break
    fi
  done
  "$@"
  status=$?
  kill %1 2> /dev/null
  exit "$status"
' start-program "$APP_PROGRAM"
program_status=$?
echo "$APP_PROGRAM has ended with status $program_status"
exit "$program_status"
