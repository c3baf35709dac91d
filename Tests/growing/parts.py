"""What the tests of growing share: processes that end with the test, Debian packages, addresses, HTTP."""

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def say(text):
    print(text, file=sys.stderr, flush=True)


def need(**programs):
    """Installs the Debian packages whose programs are missing: program = package."""
    missing = [package for program, package in programs.items() if not found(program.replace("_", "-"))]
    if not missing:
        return
    if not shutil.which("apt-get") or os.geteuid() != 0:
        sys.exit(f"needed, and only root on Debian can install it here: {' '.join(missing)}")
    say(f"installing with apt: {' '.join(missing)}")
    environment = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    for command in (["update"], ["-y", "--no-install-recommends", "install", *missing]):
        done = subprocess.run(["apt-get", "-qq", *command], env=environment, capture_output=True, text=True)
        if done.returncode != 0 and command != ["update"]:
            sys.exit(done.stdout + done.stderr)


def found(program):
    return shutil.which(program, path=os.environ["PATH"] + ":/usr/sbin:/sbin")


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def wait_for(what, seconds, ask, pause=0.1):
    """Asks until the answer is true, and returns it."""
    end = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not within {seconds} s")
        time.sleep(pause)


class Workshop:
    """A directory and processes, all gone afterwards. What failed keeps its directory, with the logs."""

    def __init__(self, name):
        self.directory = Path(tempfile.mkdtemp(prefix=f"gondola-{name}."))
        self.directory.chmod(0o755)
        self.processes = []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        for process in reversed(self.processes):
            kill_group(process)
        self.release()
        if kind is None:
            shutil.rmtree(self.directory, ignore_errors=True)
        else:
            say(f"the logs are in {self.directory}")

    def release(self):
        """For what is to go with the processes and is none."""

    def start(self, name, command, environment=None, user=None):
        words = [str(word) for word in command]
        if user and os.geteuid() == 0:
            words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", *words]
        log = open(self.directory / f"{name}.log", "ab")
        process = subprocess.Popen(
            words, env={**os.environ, **(environment or {})}, cwd=self.directory, stdin=subprocess.DEVNULL,
            stdout=log, stderr=log, start_new_session=True)
        log.close()
        self.processes.append(process)
        return process

    def tail(self, name):
        path = self.directory / f"{name}.log"
        return "".join(path.read_text(errors="replace").splitlines(True)[-20:]) if path.exists() else ""


def kill_group(process):
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()


def run(*command, environment=None, **options):
    done = subprocess.run(
        [str(word) for word in command], env={**os.environ, **(environment or {})}, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, **options)
    if done.returncode != 0:
        raise RuntimeError(f"{command[0]} {command[1:3]}: status {done.returncode}: {done.stdout}{done.stderr}")
    return done.stdout.strip()


def ask(address, method, path, body=None, headers=None, timeout=10):
    """One request on a connection of its own: its status and its JSON. Trouble on the way is status 0."""
    connection = http.client.HTTPConnection(address, timeout=timeout)
    try:
        connection.request(method, path, body and json.dumps(body), {"Content-Type": "application/json", **(headers or {})})
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if text[:1] in b"{[" and text else None
    except (OSError, http.client.HTTPException, ValueError):
        return 0, None
    finally:
        connection.close()


def table(head, rows):
    cells = [head, *[[str(cell) for cell in row] for row in rows]]
    widths = [max(len(row[column]) for row in cells) for column in range(len(head))]
    for row in cells:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())
