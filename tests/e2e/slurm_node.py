"""A real Slurm of one node: munged, slurmctld and slurmd, all in a directory of their own.

Nothing of it outlives ``start``: every process that was started here, or by Slurm, is ended.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CORES = 48
MEMORY_MB = 190_000
DEFAULT_MEMORY_MB = 100  # for each core of a job that does not ask
FEATURES = ("40core", "48core", "ib")
PARTITIONS = ("batch", "hugemem", "gpu")
GPUS = {"v100": 2, "p100": 1}
USER = "appgen-e2e"

# What the Slurm commands inherit; a job gets nothing of it (--export NONE), as under OOD.
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class SlurmError(Exception):
    """Slurm did not do what was asked; the message is its own."""


@dataclass(frozen=True)
class SlurmNode:
    """A running Slurm. Commands run as the unprivileged user unless said otherwise."""

    folder: Path
    user: pwd.struct_passwd
    submitted: list[str] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        """What Slurm's commands need."""
        return {
            "PATH": _PATH,
            "LANG": "C.UTF-8",
            "HOME": self.user.pw_dir,
            "USER": self.user.pw_name,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
        }

    def run(self, *command: str, stdin: str = "", as_root: bool = False) -> str:
        """Run a command and return what it prints."""
        who = {} if as_root else {"user": self.user.pw_uid, "group": self.user.pw_gid}
        done = subprocess.run(
            command,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            cwd="/",
            env=self.environment,
            extra_groups=None if as_root else [],
            **who,
        )
        if done.returncode:
            raise SlurmError(f"{' '.join(command)}: exit {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    def submit(self, arguments: Sequence[str], script: str) -> str:
        """Submit a script on standard input, as OOD does, and return the job's id."""
        job = self.run("sbatch", *arguments, stdin=script).strip().split(";")[0]
        self.submitted.append(job)
        return job

    def show(self, job: str) -> dict[str, str]:
        """What Slurm says of a job. The text is the same in all releases; the JSON is not."""
        text = self.run("scontrol", "--oneliner", "--details", "show", "job", job)
        return dict(word.split("=", 1) for word in text.split() if "=" in word)

    def cancel(self, job: str) -> None:
        """Cancel a job and wait until nothing of it is left."""
        self.run("scancel", job)
        ended = ("CANCELLED", "COMPLETED", "FAILED", "TIMEOUT")
        wait_for(lambda: self.show(job)["JobState"] in ended, f"job {job} to end", 40)

    def processes(self) -> list[str]:
        """The processes of the user's jobs."""
        found = subprocess.run(
            ["pgrep", "-a", "-u", self.user.pw_name], capture_output=True, text=True
        )
        return found.stdout.splitlines()


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise SlurmError(f"waited {seconds:g} s in vain for {what}")
        time.sleep(0.1)


@contextmanager
def start(folder: Path, keep: Path) -> Iterator[SlurmNode]:
    """Run a Slurm in an empty directory that anybody may enter; logs are copied to `keep`."""
    with ExitStack() as stack:
        # First in, last out: whatever else failed to end is ended here.
        stack.callback(_end_all_that_know, folder)
        logs = folder / "log"
        for name, mode in {"log": 0o755, "run": 0o755, "munge": 0o700, "state": 0o700}.items():
            (folder / name).mkdir(mode=mode)
        stack.callback(shutil.copytree, logs, keep, dirs_exist_ok=True)
        node = SlurmNode(folder, stack.enter_context(_account(folder / "home")))
        _configure(folder)
        _daemon(stack, node, "munged", "--foreground", *_munge_options(folder))
        wait_for(lambda: (folder / "run" / "munge").exists(), "munged's socket", 20)
        daemons = [
            _daemon(stack, node, "slurmctld", "-D", "-i"),
            _daemon(stack, node, "slurmd", "-D"),
        ]
        # Before the daemons: jobs are cancelled while there is somebody to do it.
        stack.callback(_cancel_all, node)
        try:
            wait_for(lambda: _is_idle(node, daemons), "the node to be idle", 60)
        except SlurmError as exc:
            raise SlurmError(f"{exc}\n{_tails(logs)}") from exc
        yield node


def _is_idle(node: SlurmNode, daemons: Sequence[subprocess.Popen[bytes]]) -> bool:
    for daemon in daemons:
        if daemon.poll() is not None:
            raise SlurmError(f"{daemon.args} ended with {daemon.returncode}")
    try:
        return node.run("sinfo", "-h", "-o", "%t", "-p", PARTITIONS[0]).strip() == "idle"
    except SlurmError:  # slurmctld does not answer yet
        return False


@contextmanager
def _account(home: Path) -> Iterator[pwd.struct_passwd]:
    """An unprivileged account: programs such as Jupyter refuse to be started by root."""
    _remove_account()  # left by a run that was killed
    subprocess.run(
        ["useradd", "--create-home", "--home-dir", home, "--shell", "/bin/bash", USER],
        check=True,
        capture_output=True,
        text=True,
    )
    try:
        yield pwd.getpwnam(USER)
    finally:
        _remove_account()


def _remove_account() -> None:
    try:
        account = pwd.getpwnam(USER)
    except KeyError:
        return
    subprocess.run(["pkill", "-KILL", "-u", str(account.pw_uid)], check=False)
    wait_for(
        lambda: (
            subprocess.run(
                ["pgrep", "-u", str(account.pw_uid)], stdout=subprocess.DEVNULL
            ).returncode
            == 1
        ),
        f"the processes of {USER} to end",
        20,
    )
    subprocess.run(["userdel", USER], check=True, capture_output=True)


def _configure(folder: Path) -> None:
    key = folder / "munge" / "key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(1024))
    host = socket.gethostname().split(".")[0]
    controller, daemon = _free_ports(2)
    gres = []
    for number, kind in enumerate(k for k, count in GPUS.items() for _ in range(count)):
        # Slurm counts device files; /dev/null under another name is one.
        device = folder / f"gpu{number}"
        os.mknod(device, 0o020666, os.makedev(1, 3))
        gres.append(f"Name=gpu Type={kind} File={device}")
    (folder / "gres.conf").write_text("\n".join(gres) + "\n")
    counts = ",".join(f"gpu:{kind}:{count}" for kind, count in GPUS.items())
    lines = [
        "ClusterName=e2e",
        f"SlurmctldHost={host}(127.0.0.1)",
        "SlurmUser=root",
        "SlurmdUser=root",
        "AuthType=auth/munge",
        f"AuthInfo=socket={folder}/run/munge",
        f"SlurmctldPort={controller}",
        f"SlurmdPort={daemon}",
        f"StateSaveLocation={folder}/state",
        f"SlurmdSpoolDir={folder}/spool",
        f"SlurmctldPidFile={folder}/run/slurmctld.pid",
        f"SlurmdPidFile={folder}/run/slurmd.pid",
        "ProctrackType=proctrack/linuxproc",
        "TaskPlugin=task/none",
        "MpiDefault=none",
        "MailProg=/bin/true",
        "AccountingStorageType=accounting_storage/none",
        "JobAcctGatherType=jobacct_gather/none",
        "SelectType=select/cons_tres",
        "SelectTypeParameters=CR_Core_Memory",
        f"DefMemPerCPU={DEFAULT_MEMORY_MB}",
        "KillWait=5",
        # A batch job may start at once; Slurm would put that off for up to three seconds.
        "SchedulerParameters=batch_sched_delay=0,sched_interval=1,bf_interval=1",
        # The node claims to be larger than this machine.
        "SlurmdParameters=config_overrides",
        "GresTypes=gpu",
        f"NodeName={host} NodeAddr=127.0.0.1 CPUs={CORES} RealMemory={MEMORY_MB}"
        f" Feature={','.join(FEATURES)} Gres={counts} State=UNKNOWN",
        *(
            f"PartitionName={name} Nodes=ALL Default={'YES' if at == 0 else 'NO'} State=UP"
            for at, name in enumerate(PARTITIONS)
        ),
    ]
    (folder / "slurm.conf").write_text("\n".join(lines) + "\n")


def _munge_options(folder: Path) -> tuple[str, ...]:
    return (
        f"--key-file={folder}/munge/key",
        f"--seed-file={folder}/munge/seed",
        f"--log-file={folder}/munge/log",
        f"--pid-file={folder}/run/munged.pid",
        f"--socket={folder}/run/munge",
    )


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("", 0))
        return [one.getsockname()[1] for one in sockets]


def _daemon(stack: ExitStack, node: SlurmNode, *command: str) -> subprocess.Popen[bytes]:
    with (node.folder / "log" / f"{command[0]}.log").open("w") as log:
        process = subprocess.Popen(
            # Ends with this process too, should that be killed before it can tidy up.
            ["setpriv", "--pdeathsig", "TERM", *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=node.folder,
            env=node.environment | {"HOME": "/root", "USER": "root"},
            start_new_session=True,
        )
    stack.callback(_end_group, process)
    return process


def _end_group(process: subprocess.Popen[bytes]) -> None:
    """End a daemon and what shares its process group."""
    for sign, patience in ((signal.SIGTERM, 15), (signal.SIGKILL, 15)):
        try:
            os.killpg(process.pid, sign)
            process.wait(timeout=patience)
        except ProcessLookupError:
            process.wait()
        except subprocess.TimeoutExpired:
            continue
        return


def _cancel_all(node: SlurmNode) -> None:
    try:
        node.run("scancel", "--user", node.user.pw_name, as_root=True)
        wait_for(lambda: not node.run("squeue", "-h").strip(), "all jobs to end", 40)
    except (SlurmError, subprocess.TimeoutExpired):
        # The account's processes are killed in any case.
        return


def _end_all_that_know(folder: Path) -> None:
    """Kill what has the directory in its command line or environment: slurmstepd leaves all groups."""
    needle = os.fsencode(folder)
    for entry in Path("/proc").glob("[0-9]*"):
        if int(entry.name) == os.getpid():
            continue
        try:
            known = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
            if needle in known:
                os.kill(int(entry.name), signal.SIGKILL)
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def _tails(logs: Path) -> str:
    return "\n".join(
        f"-- {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        for log in sorted(logs.glob("*.log"))
    )
