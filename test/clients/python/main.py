"""What a stock Python client (nats-py) does with a Queue, one check a line of output.

Its JavaScript and Go counterparts in the folders beside make the same checks under the same names. The Queues have to be empty
and its own. Connections through the proxy are to be cut when it prints {"cut": true}; the traits are those of ../traits.ts.

python main.py --server <url> --proxy <url> --queue <name> --traits <JSON> [--pair <name>] [--group workers]
  [--user <name> --password <password>]
"""

import argparse
import asyncio
import json
import sys

import nats

from check import Checks, expect, expect_at_least
from delivering import delivering
from groups import groups
from leaving import leaving
from one_queue import Queue
from settling import settling
from waiting import waiting


async def opening(q, opened):
    await q.open()
    info = await q.sub.consumer_info()
    expect("name", info.name, q.group)
    expect("stream_name", info.stream_name, q.name)
    expect("num_pending", info.num_pending, 0)
    expect("num_ack_pending", info.num_ack_pending, 0)
    expect_at_least("ack_wait in s", info.config.ack_wait, 0.001)
    opened.append(q)
    return f"group {q.group} of {q.name}"


async def quietly(error):
    """Connections break on purpose here."""


async def main():
    parser = argparse.ArgumentParser()
    for name in ("server", "proxy", "queue", "traits"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--group", default="workers")
    for name in ("pair", "user", "password"):
        parser.add_argument(f"--{name}")
    args = parser.parse_args()
    traits = json.loads(args.traits)

    async def connect(url, **options):
        return await nats.connect(url, user=args.user, password=args.password, error_cb=quietly, **options)

    connection = await connect(args.server)
    checks = Checks()
    await checks.run("open", opening, Queue(connection, args.queue, args.group, traits), checks.queues)
    if checks.failed == 0:
        [q] = checks.queues
        await delivering(checks, q)
        await settling(checks, q)
        await waiting(checks, q)
        await leaving(checks, q, lambda **options: connect(args.proxy, **options))
        if args.pair is not None:
            workers, audit = [await Queue(connection, args.pair, group, traits).open() for group in ("workers", "audit")]
            checks.queues += [workers, audit]
            await groups(checks, workers, audit)
    await connection.flush()
    await connection.close()
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
