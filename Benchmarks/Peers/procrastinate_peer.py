"""Procrastinate as a contestant: drains a queue of no-op jobs and prints the seconds that it took.

Settings as its documentation gives them for short asynchronous jobs: the psycopg connector with its pool, a worker with
concurrency, and batches for deferring. Two processes, since the interpreter uses one core. The queue is filled before the
clock starts, and a run that leaves a job behind fails.
"""

import argparse
import asyncio
import logging
import multiprocessing
import time

import procrastinate
import uvloop
from procrastinate import PsycopgConnector

logging.disable(logging.INFO)


def make_app(dsn: str, connections: int) -> procrastinate.App:
    app = procrastinate.App(connector=PsycopgConnector(conninfo=dsn, min_size=connections, max_size=connections))

    @app.task(name="nothing")
    async def nothing() -> None:
        pass

    return app


async def fill(dsn: str, jobs: int) -> None:
    app = make_app(dsn, 2)
    async with app.open_async():
        await app.schema_manager.apply_schema_async()
        for start in range(0, jobs, 1000):
            await app.tasks["nothing"].batch_defer_async(*[{}] * min(1000, jobs - start))


async def left(dsn: str) -> int:
    app = make_app(dsn, 2)
    async with app.open_async():
        rows = await app.connector.execute_query_all_async(
            "select count(*) as count from procrastinate_jobs where status <> 'succeeded'"
        )
        return rows[0]["count"]


def work(dsn: str, concurrency: int, connections: int, ready, go, done) -> None:
    async def main() -> None:
        app = make_app(dsn, connections)
        async with app.open_async():
            ready.release()
            go.wait()
            await app.run_worker_async(
                concurrency=concurrency, wait=False, listen_notify=False, install_signal_handlers=False
            )
            done.put(time.monotonic())

    uvloop.run(main())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--jobs", type=int, default=4000)
    parser.add_argument("--concurrency", type=int, default=10)
    parser.add_argument("--connections", type=int, default=10)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    asyncio.run(fill(options.dsn, options.jobs))
    ready, go, done = multiprocessing.Semaphore(0), multiprocessing.Event(), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(
            target=work, args=(options.dsn, options.concurrency, options.connections, ready, go, done)
        )
        for _ in range(options.processes)
    ]
    for worker in workers:
        worker.start()
    for _ in workers:
        ready.acquire()
    start = time.monotonic()
    go.set()
    ends = [done.get() for _ in workers]
    for worker in workers:
        worker.join()
    if count := asyncio.run(left(options.dsn)):
        raise SystemExit(f"{count} jobs were left")
    print(max(ends) - start)


if __name__ == "__main__":
    main()
