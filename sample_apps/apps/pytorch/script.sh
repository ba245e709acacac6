# Starts JupyterLab with the GPUs in sight, and caches on the node's disk.

# Only the hash is needed from here on; kernels and terminals inherit the rest.
unset password

export SCRATCH="${MOUNT_NODE_SCRATCH}" TORCH_HOME="${MOUNT_NODE_SCRATCH}/torch"
df -h /dev/shm "${SCRATCH}"
if command -v nvidia-smi > /dev/null; then
  nvidia-smi --list-gpus
elif command -v rocm-smi > /dev/null; then
  rocm-smi
fi

cd "${NOTEBOOK_ROOT}" || exit 1
run_in_app jupyter "${JUPYTER_COMMAND}" --config="${JUPYTER_CONFIG_FILE}"
