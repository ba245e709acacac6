# Starts JupyterLab where the code was cloned to.

# Only the hash is needed from here on; kernels and terminals inherit the rest.
unset password

export NOTEBOOK_ROOT="${MOUNT_CODE}/PEARC23-code-private"
cd "${NOTEBOOK_ROOT}" || exit 1
run_in_app jupyter "${JUPYTER_COMMAND}" --config="${JUPYTER_CONFIG_FILE}"
