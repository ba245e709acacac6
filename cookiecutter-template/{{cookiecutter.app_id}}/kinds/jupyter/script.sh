# Starts JupyterLab or Jupyter Notebook with the configuration of before.sh.

# Only the hash is needed from here on; kernels and terminals inherit the rest.
unset password

cuda_module="${FORM_CUDA_VERSION:-none}"
if [[ -n "$cuda_module" && "$cuda_module" != "none" ]]; then
  # The portal does not check what was posted, and some module commands pass
  # their arguments through a shell again.
  if [[ ! "$cuda_module" =~ ^[A-Za-z0-9][A-Za-z0-9._/+-]*$ ]]; then
    echo "Not a module name: '$cuda_module'" >&2
    exit 1
  fi
  # A session without the CUDA that was asked for would only fail later.
  if ! module load "$cuda_module"; then
    echo "Could not load the module '$cuda_module'." >&2
    exit 1
  fi
fi

cd "$NOTEBOOK_ROOT" || exit 1

echo "Starting jupyter $JUPYTER_COMMAND on port $LISTEN_PORT at $JUPYTER_BASE_URL"
run_in_app jupyter "$JUPYTER_COMMAND" --config="$JUPYTER_CONFIG_FILE"
