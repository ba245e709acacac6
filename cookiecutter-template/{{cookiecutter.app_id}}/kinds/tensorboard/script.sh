# Starts TensorBoard, and the login in front of it.

@login.sh@

cd "$HOME" || exit 1

echo "Starting TensorBoard with $FORM_LOG_DIR"
run_in_app python3 "$SESSION_DIR/tensorboard_server.py"
