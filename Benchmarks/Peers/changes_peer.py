"""`GET /v1/changes` with nothing new, as one writes it quickly: uvicorn, and asyncpg with the same query.

    python changes_peer.py PORT DATABASE_URL
"""

import json
import sys

import asyncpg
import uvicorn

POSITION = (
    "select change_sequence, feed_floor, (select epoch from database_epoch) as epoch from users where id = $1::uuid"
)
pool = None


async def app(scope, receive, send):
    global pool
    if scope["type"] != "http":
        return
    if pool is None:
        pool = await asyncpg.create_pool(sys.argv[2], min_size=6, max_size=6)
    user = scope["query_string"].decode().partition("=")[2]
    row = await pool.fetchrow(POSITION, user)
    sequence = row["change_sequence"]
    page = {
        "is_snapshot": False, "changes": [], "cursor": f"1.{row['epoch']}.{user}.c{sequence}", "has_more": False,
        "from": sequence, "through": sequence,
    }
    body = json.dumps(page).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="critical", loop="uvloop", http="httptools")
