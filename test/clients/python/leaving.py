"""Consumers whose connections break. nats-py has no consume() for pull consumers: its consume style is fetching in a loop."""

import asyncio
import contextlib
import time

from check import expect, expect_at_least, say
from one_queue import Queue, number_of


async def leaving(checks, q, connect):
    await checks.run("vanish", vanish, q, connect)
    await checks.run("reconnect", reconnect, q, connect)


async def vanish(q, connect):
    await q.publish(2, "vanish")
    closed = asyncio.Event()

    async def on_closed():
        closed.set()

    gone = await connect(allow_reconnect=False, closed_cb=on_closed)
    vanishing = await Queue(gone, q.name, q.group, q.traits).open()
    held = []

    async def consuming():
        while True:
            held.extend(await vanishing.fetch(50, 30.0))

    holds = min(2, q.traits["inFlight"])
    task = asyncio.create_task(consuming())
    for _ in range(600):
        if len(held) == holds:
            break
        await asyncio.sleep(0.1)
    expect("messages held", len(held), holds)
    held_at = time.monotonic()
    # Another pull is open by now.
    await gone.flush()
    say({"cut": True})
    await asyncio.wait_for(closed.wait(), 60)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, Exception):
        await task
    await q.publish(2, "vanish", 2)
    came = []
    while len(came) < 4 and time.monotonic() - held_at < 60:
        for message in await q.fetch(1, 3.0):
            await message.ack()
            came.append((number_of(message), time.monotonic() - held_at, message))
    numbers = [n for n, _, _ in came]
    expect("messages", sorted(numbers), [0, 1, 2, 3])
    first_of = {number_of(message): message for message in held}
    for n, waited, message in came:
        if n in first_of:
            q.expect_again(first_of[n], message)
            expect_at_least(f"the time in s until {n} came again", waited, 0.9 * q.visibility_timeout)
        else:
            expect(f"count of {n}", message.metadata.num_delivered, 1)
    if q.traits["vanishedFirst"]:
        expect("the first", numbers[:holds], [number_of(message) for message in held])
    await q.until_settled()
    return ", ".join(f"{n} after {waited * 1000:.0f} ms" for n, waited, _ in came)


async def reconnect(q, connect):
    reconnected = asyncio.Event()

    async def on_reconnected():
        reconnected.set()

    connection = await connect(reconnect_time_wait=0.1, reconnected_cb=on_reconnected)
    broken = await Queue(connection, q.name, q.group, q.traits).open()
    came = []

    async def consuming():
        while True:
            for message in await broken.fetch(5, 3.0):
                await message.ack()
                came.append(number_of(message))

    async def until(count):
        for _ in range(600):
            if len(came) >= count:
                break
            await asyncio.sleep(0.1)
        expect("messages", came, list(range(count)))
        await q.until_settled()

    task = asyncio.create_task(consuming())
    try:
        for n in range(2):
            await q.publish_one("reconnect", n, place=0)
        await until(2)
        say({"cut": True})
        await asyncio.wait_for(reconnected.wait(), 60)
        started = time.monotonic()
        for n in range(2, 5):
            await q.publish_one("reconnect", n, place=0)
        await until(5)
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task
        await connection.close()
    return f"goes on {(time.monotonic() - started) * 1000:.0f} ms after a publish"
