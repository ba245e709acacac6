# Starts JupyterLab with Git and the other tools of the Open Science Grid's worker nodes.

# Only the hash is needed from here on; kernels and terminals inherit the rest.
unset password

# CVMFS mounts a repository when somebody first looks into it.
setup="${MOUNT_CVMFS}/oasis.opensciencegrid.org/osg-software/osg-wn-client/current/el8-x86_64/setup.sh"
if [[ -r "${setup}" ]]; then
  # The file is not ours: it reads variables that may not be there.
  set +u
  # shellcheck source=/dev/null
  source "${setup}"
else
  echo "There is no ${setup}: starting without it." >&2
fi

cd "${NOTEBOOK_ROOT}" || exit 1
run_in_app jupyter "${JUPYTER_COMMAND}" --config="${JUPYTER_CONFIG_FILE}"
