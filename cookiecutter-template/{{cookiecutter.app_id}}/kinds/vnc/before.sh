# Makes a private run-time directory for the desktop, with settings that hold for
# this session only: nothing in the user's home directory is changed.

# A batch job is no login session, so /run/user/UID may be missing or shared with
# another one. The path is short because sockets are made below it.
if ! DESKTOP_DIR="$(mktemp -d /tmp/desktop-XXXXXXXX)"; then
  echo "Cannot make a directory in /tmp on this node." >&2
  exit 1
fi
export DESKTOP_DIR
mkdir -m 700 "$DESKTOP_DIR/run"
mkdir -p "$DESKTOP_DIR/xdg/autostart" "$DESKTOP_DIR/xdg/xfce4/xfconf/xfce-perchannel-xml"

# Desktops start what they find in autostart directories, and the first directory
# that has a name decides. Screen lockers would ask for a password that compute
# nodes may not know; the others want hardware or rights that jobs do not have.
for autostart_name in \
  light-locker mate-screensaver xfce4-screensaver xscreensaver \
  gnome-screensaver org.gnome.SettingsDaemon.ScreensaverProxy \
  polkit-gnome-authentication-agent-1 polkit-mate-authentication-agent-1 xfce-polkit \
  gnome-keyring-pkcs11 gnome-keyring-secrets gnome-keyring-ssh \
  blueman nm-applet mate-power-manager xfce4-power-manager \
  gnome-software-service org.gnome.Software pk-update-icon rhsm-icon \
  tracker-miner-fs tracker-miner-fs-3 tracker-extract spice-vdagent; do
  printf '[Desktop Entry]\nType=Application\nName=%s\nExec=true\nHidden=true\n' "$autostart_name" \
    > "$DESKTOP_DIR/xdg/autostart/$autostart_name.desktop"
done
unset autostart_name

# As a default, this spares new users the question for their first panel; panels
# that the user has set up still win.
if [[ -r /etc/xdg/xfce4/panel/default.xml ]]; then
  cp /etc/xdg/xfce4/panel/default.xml "$DESKTOP_DIR/xdg/xfce4/xfconf/xfce-perchannel-xml/xfce4-panel.xml"
fi
