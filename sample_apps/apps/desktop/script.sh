# Starts the chosen desktop on the display that OOD's VNC server has made, and
# ends when the user logs out.

cd "$HOME" || exit 1

# Terminals should run the user's own shell, not the one of the batch system.
login_shell="$(getent passwd "$(id -un)" | cut -d : -f 7)"
if [[ -x "$login_shell" ]]; then
  export SHELL="$login_shell"
fi

# Programs in the home directory, from conda for example, bring their own dbus
# and Qt, which break a desktop. Terminals read the user's profile again.
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
export XDG_DATA_DIRS="${XDG_DATA_DIRS:-/usr/local/share:/usr/share}"
export XDG_SESSION_TYPE="x11"
# These would lead to the session that the job was submitted from.
unset DBUS_SESSION_BUS_ADDRESS SESSION_MANAGER WAYLAND_DISPLAY

case "${FORM_DESKTOP:-}" in
  xfce)
    export XDG_CURRENT_DESKTOP="XFCE" DESKTOP_SESSION="xfce"
    start=(xfce4-session)
    ;;
  mate)
    export XDG_CURRENT_DESKTOP="MATE" DESKTOP_SESSION="mate"
    start=(mate-session)
    ;;
  gnome)
    export XDG_CURRENT_DESKTOP="GNOME" DESKTOP_SESSION="gnome"
    start=(gnome-session)
    ;;
  *)
    echo "Unknown desktop: '${FORM_DESKTOP:-}'" >&2
    exit 1
    ;;
esac

# A blank screen looks like a broken connection. Not every node has xset.
if command -v xset > /dev/null; then
  xset s off -dpms 2> /dev/null || true
fi

echo "Starting the $FORM_DESKTOP desktop on display ${DISPLAY:-}"
# What there is can only be seen where the desktop runs, maybe inside an image.
# The message bus is the session's own and ends with the desktop.
# shellcheck disable=SC2016  # to be expanded by the inner shell
run_in_app bash -c '
  if [[ "$1" == gnome-session ]]; then
    # The classic shell asks less of a screen without a graphics card.
    if [[ -e /usr/share/gnome-session/sessions/gnome-classic.session ]]; then
      export XDG_CURRENT_DESKTOP=GNOME-Classic:GNOME GNOME_SHELL_SESSION_MODE=classic
      set -- "$@" --session=gnome-classic
    fi
    # Else it is started by systemd, which has no part in a job; older
    # releases cannot do that and do not know the option.
    if [[ "$(gnome-session --help 2>&1)" == *--builtin* ]]; then
      set -- "$@" --builtin
    fi
  fi
  if command -v dbus-run-session > /dev/null; then
    exec dbus-run-session -- "$@"
  fi
  exec dbus-launch --exit-with-session "$@"
' start-desktop "${start[@]}"
desktop_status=$?
echo "The desktop has ended with status $desktop_status"
exit "$desktop_status"
