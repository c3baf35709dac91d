"""PgQueuer as a contestant: drains a queue of no-op jobs and prints the seconds that it took.

Settings are those of PgQueuer's own page on performance tuning, with durability left on: asyncpg, the recommended
autovacuum settings, larger batches for short jobs, one direct connection for each queue manager. Two processes, since the
interpreter uses one core. The queue is filled before the clock starts, and a run that leaves a job behind fails.
"""

import argparse
import asyncio
import logging
import multiprocessing
import time
from datetime import timedelta

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.domain.types import QueueExecutionMode
from pgqueuer.queries import Queries

logging.disable(logging.INFO)


async def fill(dsn: str, jobs: int) -> None:
    connection = await asyncpg.connect(dsn)
    queries = Queries.from_asyncpg_connection(connection)
    await queries.install()
    await queries.optimize_autovacuum()
    for start in range(0, jobs, 1000):
        count = min(1000, jobs - start)
        await queries.enqueue(["nothing"] * count, [None] * count, [0] * count)
    await connection.close()


async def drain(dsn: str, batch: int) -> None:
    connection = await asyncpg.connect(dsn)
    queue = PgQueuer.from_asyncpg_connection(connection)

    @queue.entrypoint("nothing")
    async def nothing(job) -> None:
        pass

    await queue.run(batch_size=batch, mode=QueueExecutionMode.drain)


def work(dsn: str, batch: int, ready, go, done) -> None:
    async def main() -> None:
        ready.release()
        go.wait()
        await drain(dsn, batch)
        done.put(time.monotonic())

    uvloop.run(main())


async def left(dsn: str) -> int:
    connection = await asyncpg.connect(dsn)
    return await connection.fetchval("select count(*) from pgqueuer")


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("dsn")
    parser.add_argument("--jobs", type=int, default=20000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    asyncio.run(fill(options.dsn, options.jobs))
    ready, go, done = multiprocessing.Semaphore(0), multiprocessing.Event(), multiprocessing.Queue()
    workers = [
        multiprocessing.Process(target=work, args=(options.dsn, options.batch, ready, go, done))
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
