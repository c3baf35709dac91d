"""Two Postgres nodes under Patroni and etcd, set up by deploy/patroni/patroni.yml."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

from parts import ROOT, ask, found, free_ports, kill_group, run, wait_for

OWNER = "postgres"


class Unreachable(Exception):
    """Nobody was there to ask, or went away meanwhile."""


def psql(url, text):
    """The answer. What the server refused, such as a column that does not exist, is an error of its own."""
    done = subprocess.run(
        ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", url, "-c", text], capture_output=True, text=True)
    if done.returncode == 2:
        raise Unreachable(done.stderr)
    if done.returncode != 0:
        raise RuntimeError(f"psql: status {done.returncode}: {done.stderr}")
    return done.stdout.strip()


class Node:
    def __init__(self, name, directory, postgres, api):
        self.name, self.postgres, self.api = name, postgres, api
        self.directory = directory / name
        self.data = self.directory / "data"
        self.patroni = None

    @property
    def address(self):
        return f"127.0.0.1:{self.postgres}"

    def server_processes(self):
        """Every process of its Postgres: they stand in its data directory."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            try:
                if os.readlink(entry / "cwd") == str(self.data) and "postgres" in (entry / "comm").read_text():
                    found.append(int(entry.name))
            except OSError:
                continue
        return found

    def kill_postgres(self):
        for process in self.server_processes():
            try:
                os.kill(process, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def kill(self):
        """As a power cut: Patroni and Postgres at once."""
        kill_group(self.patroni)
        self.kill_postgres()


class Cluster:
    """`primary()` is whoever holds the leader's place; what it acknowledges is on the other node as well."""

    def __init__(self, shop):
        self.shop = shop
        own = [shop.directory / "etcd", shop.directory / "node1", shop.directory / "node2"]
        for directory in own:
            directory.mkdir()
        if os.geteuid() == 0:
            run("chown", f"{OWNER}:", *own)
        client, peer, *rest = free_ports(6)
        self.etcd = f"127.0.0.1:{client}"
        shop.start("etcd", [
            found("etcd"), "--data-dir", own[0] / "data", "--listen-client-urls", f"http://{self.etcd}",
            "--advertise-client-urls", f"http://{self.etcd}", "--listen-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}",
            "--initial-cluster", f"default=http://127.0.0.1:{peer}",
        ], user=OWNER)
        self.nodes = [Node(f"node{i + 1}", shop.directory, rest[2 * i], rest[2 * i + 1]) for i in range(2)]
        wait_for("etcd", 30, lambda: ask(self.etcd, "GET", "/health")[0] == 200)
        self.start(self.nodes[0])
        wait_for("the first node", 120, self.primary)
        self.start(self.nodes[1])
        self.wait_until_safe()

    def settings(self, node):
        programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1]
        text = (ROOT / "deploy/patroni/patroni.yml").read_text()
        for old, new in {
            "name: node1": f"name: {node.name}", "127.0.0.1:8008": f"127.0.0.1:{node.api}",
            "127.0.0.1:2379": self.etcd, "127.0.0.1:5432": node.address,
            "/var/lib/postgresql/15/gondola": str(node.data), "/usr/lib/postgresql/15/bin": str(programs),
            "/var/lib/postgresql/.pgpass-patroni": str(node.directory / "pgpass"),
            "/var/run/postgresql": str(node.directory), "CHANGE-ME": "secret",
        }.items():
            assert old in text, old
            text = text.replace(old, new)
        path = self.shop.directory / f"{node.name}.yml"
        path.write_text(text)
        return path

    def start(self, node):
        node.patroni = self.shop.start(node.name, [found("patroni"), self.settings(node)], user=OWNER)

    def primary(self):
        for node in self.nodes:
            if ask(f"127.0.0.1:{node.api}", "GET", "/primary", timeout=2)[0] == 200:
                return node
        return None

    def standby(self):
        for node in self.nodes:
            if ask(f"127.0.0.1:{node.api}", "GET", "/synchronous", timeout=2)[0] == 200:
                return node
        return None

    def wait_until_safe(self):
        """Until one node leads and the other confirms its commits."""
        def is_safe():
            node = self.primary()
            return node and self.standby() and self.sql(
                "select count(*) from pg_stat_replication where sync_state = 'sync' and state = 'streaming'") == "1"
        wait_for("a synchronous standby", 180, is_safe, pause=0.2)

    def url(self, user="gondola", database="gondola"):
        return f"postgres://{user}:secret@{','.join(node.address for node in self.nodes)}/{database}"

    def sql(self, text, database="postgres"):
        """As superuser on whoever takes writes; nothing where nobody does."""
        try:
            return self.answer(text, database)
        except (Unreachable, RuntimeError):
            return None

    def answer(self, text, database="postgres"):
        return psql(self.url("postgres", database) + "?target_session_attrs=read-write", text)

    def make_database(self):
        for text in ("create role gondola login password 'secret'", "create database gondola owner gondola"):
            if self.sql(text) is None:
                raise RuntimeError(text)
