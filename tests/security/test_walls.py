"""What a candidate can reach: network, secrets, files, users, other sandboxes.

Each attack prints RAN, so that no test passes because nothing ran, and most have a control: the same attack from
outside the sandbox, where it works.
"""

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from attacks import MODEL, OWNER, START, Attack, needs_bubblewrap

from autorec.execution.canaries import open_to_all

pytestmark = needs_bubblewrap


def test_no_network_of_any_kind(attack: Attack) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        abstract = socket.socket(socket.AF_UNIX)
        abstract.bind("\0autorec-test-" + str(os.getpid()))
        abstract.listen()
        found = attack(
            f"""
def unix():
    socket.socket(socket.AF_UNIX).connect("\\0autorec-test-{os.getpid()}")
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "tcp": attempt(lambda: socket.create_connection(("127.0.0.1", {port}), 1)),
        "outside": attempt(lambda: socket.create_connection(("1.1.1.1", 53), 1)),
        "udp": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"x", ("1.1.1.1", 53))),
        "dns": attempt(lambda: socket.getaddrinfo("example.org", 80)),
        "raw": attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)),
        "abstract": attempt(unix),
        "interfaces": attempt(socket.if_nameindex),
        "devices": sorted(line.partition(":")[0].strip() for line in open("/proc/net/dev") if ":" in line),
    }}))
"""
        ).findings
        abstract.close()
    assert found.pop("devices") == ["lo"]
    assert set(found.values()) <= {"ConnectionRefusedError", "PermissionError", "OSError", "gaierror", "TimeoutError"}


def test_no_secrets_and_nothing_of_the_host_to_read(
    attack: Attack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    labels = tmp_path / "labels.npy"
    labels.write_text("secret-of-the-judge")
    tmp_path.chmod(0o755)
    labels.chmod(0o644)
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    root = Path(__file__).parents[2]
    attacked = attack(
        f"""
def environments():
    return "".join(p.read_bytes().decode(errors="replace") for p in Path("/proc").glob("[0-9]*/environ")
                   if os.access(p, os.R_OK))
def fit(recommender, data, params, run):
    print("FOUND", json.dumps({{
        "labels": attempt(lambda: Path("{labels}").read_text()),
        "through_root": attempt(lambda: Path("/proc/1/root{labels}").read_text()),
        "passwd": attempt(lambda: Path("/etc/shadow").read_text()),
        "repository": attempt(lambda: Path("{root}/pyproject.toml").read_text()),
        "autorec": attempt(lambda: __import__("autorec.domain")),
        "memory": attempt(lambda: open("/proc/1/mem", "rb").read(1)),
        "processes": str(len(list(Path("/proc").glob("[0-9]*")))),
        "environments": environments() + str(dict(os.environ)),
    }}))
"""
    )
    found = attacked.findings
    assert int(found.pop("processes")) <= 4
    assert "sk-secret" not in found.pop("environments")
    assert "secret-of-the-judge" not in attacked.outcome.log
    assert set(found.values()) <= {"FileNotFoundError", "PermissionError", "ModuleNotFoundError", "OSError"}


def test_nothing_outside_the_work_folder_can_be_written(attack: Attack, bundle: Path) -> None:
    before = {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}
    found = attack(
        """
import numpy, reckit
def fit(recommender, data, params, run):
    targets = ["/data/items.npy", "/data/new", "/query/users.npy", "/usr/new", "/new", "/etc/new", "/dev/new",
               reckit.__file__, numpy.__file__, os.path.dirname(numpy.__file__) + "/../evil.pth", os.__file__,
               "/proc/sys/kernel/core_pattern", "/proc/1/oom_score_adj", "/proc/sysrq-trigger"]
    print("FOUND", json.dumps({
        **{t: attempt(lambda: open(t, "ab").write(b"x")) for t in targets},
        "chmod": attempt(lambda: os.chmod("/data/items.npy", 0o777)),
        "unlink": attempt(lambda: os.unlink("/data/items.npy")),
        "control": attempt(lambda: open("/job/x", "ab").write(b"x")),
    }))
"""
    ).findings
    assert found.pop("control") == "1"
    assert set(found.values()) <= {"OSError", "PermissionError", "FileNotFoundError"}, found
    assert before == {file: file.read_bytes() for file in bundle.rglob("*") if file.is_file()}


def test_never_root_and_no_way_back_to_it(attack: Attack) -> None:
    found = attack(
        """
libc = ctypes.CDLL(None, use_errno=True)
def fit(recommender, data, params, run):
    status = Path("/proc/self/status").read_text()
    line = lambda name: status.partition("\\n" + name + ":")[2].split("\\n")[0].split()
    print("FOUND", json.dumps({
        "uids": line("Uid"), "capabilities": line("CapEff") + line("CapPrm") + line("CapBnd"),
        "no_new_privs": line("NoNewPrivs"),
        "setuid": attempt(lambda: os.setuid(0)), "setgid": attempt(lambda: os.setgid(0)),
        "mount": libc.mount(b"none", b"/job", b"tmpfs", 0, None),
        "su": subprocess.run(["su", "-c", "true"], stdin=subprocess.DEVNULL, capture_output=True).returncode,
        "rlimit": attempt(lambda: __import__("resource").setrlimit(7, (99999, 99999))),
    }))
"""
    ).findings
    assert "0" not in found["uids"]
    assert {int(word, 16) for word in found["capabilities"]} == {0}
    assert found["no_new_privs"] == ["1"]
    assert {found["setuid"], found["setgid"]} <= {"PermissionError", "OSError"}
    assert found["mount"] == -1
    assert found["su"] != 0
    assert found["rlimit"] == "ValueError"


def test_a_new_user_namespace_does_not_open_the_files(attack: Attack) -> None:
    """Whether or not the kernel grants one, nothing can be mounted and nothing becomes writable."""
    found = attack(
        """
libc = ctypes.CDLL(None, use_errno=True)
def fit(recommender, data, params, run):
    granted = libc.unshare(0x10000000 | 0x00020000)
    print("FOUND", json.dumps({
        "granted": granted,
        "mount": libc.mount(b"none", b"/data", b"tmpfs", 0, None),
        "remount": libc.mount(b"none", b"/data", None, 32 | 4096, None),
        "unmount": libc.umount2(b"/data", 2),
        "write": attempt(lambda: open("/data/new", "wb")),
    }))
"""
    ).findings
    assert found["mount"] == found["remount"] == found["unmount"] == -1
    assert found["write"] in ("OSError", "PermissionError")


def test_sandboxes_do_not_see_each_other(attack: Attack) -> None:
    leave = (
        "def fit(r, data, params, run):\n    Path('/dev/shm/mark').write_text('1'); Path('/job/mark').write_text('1')\n"
    )
    look = """
def fit(r, data, params, run):
    print("FOUND", json.dumps({p: str(Path(p, "mark").exists()) for p in ("/dev/shm", "/job", "/job/tmp")}))
"""
    attack(leave)
    assert set(attack(look).findings.values()) == {"False"}


@pytest.mark.skipif(os.getuid() != 0, reason="already an ordinary user: every other test shows it")
def test_an_ordinary_user_has_the_same_sandbox() -> None:
    """Unprivileged user namespaces, as most people will run it."""
    here = Path(__file__).parents[2]
    site = next(path for path in map(Path, sys.path) if path.name == "site-packages" and (path / "torch").is_dir())
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs"]
    python = next((p for p in (sys.executable, "/usr/bin/python3") if reaches(as_nobody, p, here, site)), None)
    if python is None:
        pytest.skip("an ordinary user cannot read this interpreter, its packages and this checkout")
    script = "from autorec.execution.tiers import probe; r = probe()['bwrap']; print(r.available, r.problem)"
    environment = {"PYTHONPATH": f"{here}:{site}", "PATH": os.environ["PATH"]}
    done = subprocess.run([*as_nobody, python, "-B", "-c", script], env=environment, capture_output=True, text=True)
    assert done.stdout.startswith("True"), done.stdout + done.stderr


def reaches(as_nobody: list[str], python: str, *folders: Path) -> bool:
    """Whether the user can run this Python, of this version, and read the folders."""
    named = [str(folder) for folder in (*folders, Path(python).resolve())]
    same = f"sys.version_info[:2] == {sys.version_info[:2]}"
    script = f"import os, sys; sys.exit(not ({same} and all(os.access(path, 5) for path in {named})))"
    return subprocess.run([*as_nobody, python, "-c", script], capture_output=True, check=False).returncode == 0


def test_an_installed_autorec_runs_its_sandbox_and_stays_hidden_from_it(tmp_path: Path, bundle: Path) -> None:
    """As a wheel lays it out: the package in site-packages, the sandbox among its assets."""
    root, site = Path(__file__).parents[2], tmp_path / "site-packages"
    shutil.copytree(root / "autorec", site / "autorec", ignore=shutil.ignore_patterns("__pycache__", "_assets"))
    shutil.copytree(root / "sandbox", site / "autorec" / "_assets" / "sandbox")
    open_to_all(tmp_path)
    train = (
        START + "def fit(*_):\n    print('import:', attempt(lambda: __import__('autorec.domain.job')), flush=True)\n"
    )
    owner = OWNER.format(
        path=[str(site)],
        files={"model.py": MODEL, "train.py": train},
        data=str(bundle / "data"),
        query=str(bundle / "query"),
    )
    done = subprocess.run([sys.executable, "-c", owner], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert "under way" in done.stdout, done.stderr
    assert "import: ModuleNotFoundError" in done.stdout
