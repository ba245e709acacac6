"""What the submit file of OOD's Jupyter tutorial gives, transcribed as values.

Source: OSC/ood-documentation tutorials-interactive-apps/k8s-like-hpc-jupyter.rst, "submit yml in
full". No line of its code is here; `tutorial.sha256` proves that the values are those that it gives.
"""

from __future__ import annotations

from typing import Any

NODE_ARGUMENTS = {
    "gpu-40core": ["--constraint", "40core"],
    "gpu-48core": ["--constraint", "48core"],
    "any-40core": ["--constraint", "40core"],
    "any-48core": ["--constraint", "48core"],
    "hugemem": ["--partition", "hugemem", "--exclusive"],
    "largemem": ["--partition", "largemem", "--exclusive"],
    "debug": ["--partition", "debug", "--exclusive"],
}
MEMORY_MB_PER_CORE = {"owens": 2200, "pitzer": 4000}
APPS_PATH = {"owens": "/usr/local", "pitzer": "/apps"}


def expected(choice: dict[str, str], staged_root: str, user: dict[str, Any]) -> dict[str, Any]:
    """The parsed document for a choice."""
    if choice["cluster"] == "kubernetes":
        return _kubernetes(choice, staged_root, user)
    return _slurm(choice)


def _slurm(choice: dict[str, str]) -> dict[str, Any]:
    cores = int(choice["num_cores"])
    if cores == 0 and choice["cluster"] == "pitzer":
        native = ["--nodes", "1", "--exclusive"]
    else:
        native = ["--nodes", "1", "--ntasks-per-node", str(cores or 28)]
    script: dict[str, Any] = {"accounting_id": choice["account"]}
    if "gpu" in choice["node_type"]:
        script["gpus_per_node"] = 1
    script["native"] = native + NODE_ARGUMENTS.get(choice["node_type"], [])
    return {
        "batch_connect": {"template": "basic", "conn_params": ["jupyter_api"]},
        "script": script,
    }


def _kubernetes(choice: dict[str, str], staged_root: str, user: dict[str, Any]) -> dict[str, Any]:
    compute = "owens" if "owens" in choice["node_type"] else "pitzer"
    cores = int(choice["num_cores"])
    same = {
        "home": user["home"],
        "support": "/users/support",
        "project": "/fs/project",
        "scratch": "/fs/scratch",
        "ess": "/fs/ess",
    }
    mounts = [(name, "Directory", path, path) for name, path in same.items()]
    mounts += [
        (
            "munge-socket",
            "Socket",
            "/var/run/munge/munge.socket.2",
            "/var/run/munge/munge.socket.2",
        ),
        ("slurm-conf", "Directory", "/etc/slurm", "/etc/slurm"),
        ("sssd-pipes", "Directory", "/var/lib/sss/pipes", "/var/lib/sss/pipes"),
        ("sssd-conf", "Directory", "/etc/sssd", "/etc/sssd"),
        ("nsswitch", "File", "/etc/nsswitch.conf", "/etc/nsswitch.conf"),
        ("lmod-init", "File", f"/apps/{compute}/lmod/lmod.sh", "/etc/profile.d/lmod.sh"),
        ("apps", "Directory", f"/apps/{compute}", APPS_PATH[compute]),
    ]
    container = {
        "name": "jupyter",
        "image": "docker-registry.osc.edu/ondemand/ondemand-base-rhel7:0.3.1",
        "image_pull_policy": "IfNotPresent",
        "command": ["/bin/bash", "-l", f"{staged_root}/job_script_content.sh"],
        "restart_policy": "OnFailure",
        "env": {
            "NB_UID": str(user["uid"]),
            "NB_USER": user["name"],
            "NB_GID": str(user["gid"]),
            "CLUSTER": compute,
            "KUBECONFIG": "/dev/null",
        },
        "labels": {"osc.edu/cluster": compute},
        "port": "8080",
        "cpu": str(cores),
        "memory": f"{cores * MEMORY_MB_PER_CORE[compute]}Mi",
    }
    script: dict[str, Any] = {
        "accounting_id": choice["account"],
        "wall_time": str(int(choice["bc_num_hours"]) * 3600),
    }
    if "gpu" in choice["node_type"]:
        script["gpus_per_node"] = 1
    script["native"] = {
        "container": container,
        "mounts": [
            {"type": "host", "name": n, "host_type": t, "path": p, "destination_path": d}
            for n, t, p, d in mounts
        ],
        "node_selector": {"osc.edu/role": "ondemand"},
    }
    return {"script": script}
