# Starts JupyterLab on the user's data.

# Only the hash is needed from here on; kernels and terminals inherit the rest.
unset password

export NOTEBOOK_ROOT="${MOUNT_DATA}"
cd "${NOTEBOOK_ROOT}" || exit 1
run_in_app jupyter "${JUPYTER_COMMAND}" --config="${JUPYTER_CONFIG_FILE}"
