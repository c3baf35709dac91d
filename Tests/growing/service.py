"""Gondola on several processes: a simulator, servers, workers, and phones that write down what was acknowledged."""

import json
import os
import random
import threading
import time
import uuid

from parts import ROOT, ask, run, wait_for

MODELS = ["wan-2.5-preview-text-to-video", "grok-imagine-text-to-video-private"]


def programs():
    return ROOT / os.environ.get("STACK_BIN", f".build/{os.environ.get('CONFIGURATION', 'debug')}")


class Service:
    """Starts `servers` x `gondola serve` and `workers` x `gondola work` on one database."""

    models = MODELS

    def __init__(self, shop, database_url, servers=2, workers=2, replica_url=None, scale="0.02"):
        self.shop, self.database_url, self.scale = shop, database_url, scale
        self.simulator = self.start_simulator()
        self.common = {
            "DATABASE_URL": database_url, "VENICE_BASE_URL": f"http://{self.simulator}/api/v1",
            "VENICE_API_KEY": "VENICE_INFERENCE_KEY_growing", "VENICE_DOWNLOAD_HOSTS": "127.0.0.1",
            "GONDOLA_STORAGE": str(shop.directory / "objects"), "GONDOLA_TIME_SCALE": scale,
            "GONDOLA_SECRET_KEY_FILE": str(shop.directory / "secret.key"), "GONDOLA_LISTEN": "127.0.0.1:0",
            "GONDOLA_OPS_LISTEN": "127.0.0.1:0", "GONDOLA_LOG_FORMAT": "json", "GONDOLA_LEASE": "4s",
            "GONDOLA_LEASE_RENEWAL": "1s", "GONDOLA_FFMPEG": "none", "GONDOLA_REQUESTS_PER_MINUTE": "1000000",
            "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1",
        }
        run("bash", "-c", f"umask 077; openssl rand -base64 32 >{shop.directory}/secret.key")
        self.gondola("migrate")
        self.processes = {}
        for number in range(servers):
            extra = {"GONDOLA_DATABASE_REPLICA_URL": replica_url} if replica_url and number % 2 else {}
            self.launch("serve", number, extra)
        for number in range(workers):
            self.launch("work", number)
        self.servers = [self.await_ready(f"serve{number}")["api"] for number in range(servers)]
        for number in range(workers):
            self.await_ready(f"work{number}")

    def start_simulator(self, listen="127.0.0.1:0"):
        announcement = self.shop.directory / "simulator.url"
        self.simulator_process = self.shop.start("simulator", [
            programs() / "venice-simulator", "--listen", listen, "--announce", announcement, "--seed", "1",
            "--state-dir", self.shop.directory / "simulator", "--media-dir", "/tmp/gondola-test-media",
            "--time-scale", self.scale])
        def announced():
            if self.simulator_process.poll() is not None:
                raise RuntimeError(f"the simulator ended: {self.shop.tail('simulator')}")
            return announcement.exists() and announcement.read_text().strip()
        wait_for("the simulator", 60, announced)
        return announcement.read_text().strip().removeprefix("http://")

    def gondola(self, *words, **options):
        return run(programs() / "gondola", *words, environment=self.common, **options)

    def launch(self, role, number, extra=None, within=()):
        name = f"{role}{number}"
        environment = {**self.common, "GONDOLA_STATE_DIR": str(self.shop.directory / name), **(extra or {})}
        command = [*within, programs() / "gondola", role, "--announce", self.shop.directory / f"{name}.json"]
        self.processes[name] = self.shop.start(name, command, environment)

    def await_ready(self, name):
        path = self.shop.directory / f"{name}.json"
        def ready():
            if self.processes[name].poll() is not None:
                raise RuntimeError(f"{name} ended: {self.shop.tail(name)}")
            return path.exists() and path.read_text().strip()
        found = json.loads(wait_for(name, 60, ready))
        return {key: str(value).removeprefix("http://") for key, value in found.items()}

    def add_user(self, name):
        user = json.loads(self.gondola("users", "add", name, "--json"))["id"]
        token = json.loads(self.gondola("tokens", "issue", "--user", user, "--device", "phone", "--json"))["token"]
        return user, token

    def books(self):
        return ask(self.simulator, "GET", "/_simulator/ledger", timeout=30)[1]


class Phone:
    """Asks for videos, deletes some, and follows the feed; a request that gets no answer is repeated as it was."""

    def __init__(self, service, number, seed):
        self.service, self.number = service, number
        self.user, self.token = service.add_user(f"phone {number}")
        self.lots = random.Random(seed * 100 + number)
        self.acknowledged, self.deleted, self.sent = {}, {}, {}
        self.copy, self.cursor, self.trouble = {}, None, []
        self.is_stopping, self.is_over = threading.Event(), threading.Event()
        self.threads = [threading.Thread(target=self.submit_all), threading.Thread(target=self.follow_all)]
        for thread in self.threads:
            thread.daemon = True

    def start(self):
        for thread in self.threads:
            thread.start()

    def ask(self, method, path, body=None, **headers):
        server = self.lots.choice(self.service.servers)
        headers = {name.replace("_", "-"): value for name, value in headers.items()}
        return ask(server, method, path, body, {"Authorization": f"Bearer {self.token}", **headers}, timeout=70)

    def insist(self, method, path, body=None, **headers):
        """Until there is an answer that is no trouble of the service's own; nothing where the test is over first."""
        while not self.is_over.is_set():
            self.last_sent = time.monotonic()
            status, answer = self.ask(method, path, body, **headers)
            if status and status < 500 and status != 429:
                return status, answer
            time.sleep(0.1)
        return 0, None

    def submit_all(self):
        while not self.is_stopping.is_set():
            request = {"model": self.lots.choice(self.service.models), "prompt": f"a gondola {uuid.uuid4()}", "duration": "5s",
                       "resolution": "480p", "aspect_ratio": "16:9"}
            status, answer = self.insist("POST", "/v1/jobs", {"request": request}, Idempotency_Key=str(uuid.uuid4()))
            if status == 201:
                self.acknowledged[answer["job"]["id"]] = time.monotonic()
                self.sent[answer["job"]["id"]] = self.last_sent
            elif status:
                self.trouble.append(f"a submission was answered {status}: {answer}")
            self.delete_one()
            self.is_stopping.wait(self.lots.uniform(0.2, 0.6))

    def delete_one(self):
        ready = [key[1] for key, change in list(self.copy.items()) if key[0] == "video" and key[1] not in self.deleted]
        if not ready or self.lots.random() > 0.3:
            return
        video = self.lots.choice(ready)
        status, _ = self.insist("DELETE", f"/v1/videos/{video}")
        if status in (200, 204):
            self.deleted[video] = time.monotonic()
        elif status and status != 404:
            self.trouble.append(f"a deletion was answered {status}")

    def follow_all(self):
        while not self.is_over.is_set():
            self.follow_once(wait=5)

    def follow_once(self, wait):
        place = f"&cursor={self.cursor}" if self.cursor else ""
        status, page = self.ask("GET", f"/v1/changes?wait={wait}{place}")
        if status == 200:
            self.apply(page)
        elif status == 410:
            self.trouble.append(f"the cursor {self.cursor} was lost: {page}")
            self.cursor, self.copy = None, {}
        elif status and status < 500 and status != 429:
            self.trouble.append(f"the feed was answered {status}: {page}")
        else:
            time.sleep(0.1)
        return page if status == 200 else None

    def apply(self, page):
        for change in page["changes"]:
            key = (change["kind"], change["id"])
            if change.get("deleted"):
                self.copy.pop(key, None)
            elif change["sequence"] >= self.copy.get(key, change)["sequence"]:
                self.copy[key] = change
        self.cursor = page["cursor"]

    def stop(self):
        self.is_stopping.set()
        self.threads[0].join(120)

    def end(self):
        self.is_over.set()
        for thread in self.threads:
            thread.join(90)

    def fresh(self):
        """What a device finds that starts from nothing."""
        copy = object.__new__(Phone)
        copy.__dict__.update(self.__dict__, copy={}, cursor=None, trouble=[])
        while True:
            page = copy.follow_once(wait=0)
            if page and not page["has_more"] and not page["is_snapshot"]:
                return copy.copy
            if copy.trouble:
                raise RuntimeError(copy.trouble)
