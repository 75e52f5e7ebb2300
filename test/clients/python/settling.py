"""Every answer that a consumer may give to a message, and none."""

import asyncio
import time

from check import expect, expect_at_least
from one_queue import number_of

# Longer than the visibility timeout of the Queues that are made for the checks. Seconds.
NAK_DELAY = 4.0


async def settling(checks, q):
    await checks.run("ack", ack, q)
    await checks.run("double-ack", double_ack, q)
    await checks.run("nak", nak, q)
    await checks.run("nak-delay", nak_delay, q)
    await checks.run("in-progress", in_progress, q)
    await checks.run("visibility-timeout", visibility_timeout, q)
    await checks.run("term", term, q)


async def again(q, first, started, least):
    """Expects the message back, not sooner than so many seconds after it started, and settles it."""
    second = await q.next()
    waited = time.monotonic() - started
    await second.ack()
    q.expect_again(first, second)
    await q.until_settled()
    expect_at_least("the time in s", waited, least)
    return f"delivered again after {waited:.2f} s"


async def ack(q):
    message = await q.publish_and_take("ack")
    expect("num_ack_pending", (await q.sub.consumer_info()).num_ack_pending, 1)
    await message.ack()
    await q.until_settled()
    return "settled"


async def double_ack(q):
    message = await q.publish_and_take("double-ack")
    await message.ack_sync(timeout=10)
    await q.until_settled()
    return "answered"


async def nak(q):
    for n in range(2):
        await q.publish_one("nak", n, place=0)
    first = await q.next()
    expect("body", first.data.decode(), q.body("nak", 0))
    await first.nak()
    two = []
    for _ in range(2):
        two.append(await q.next())
        await two[-1].ack()
    came = [number_of(message) for message in two]
    second, other = two if came[0] == 0 else reversed(two)
    q.expect_again(first, second)
    expect("the other", other.data.decode(), q.body("nak", 1))
    # Where a failed message keeps its place, the other may come before it, meanwhile, or after it.
    failed = q.traits["failed"]
    if failed != "keeps":
        expect("order", came, [0, 1] if failed == "blocks" else [1, 0])
    await q.until_settled()
    return f"delivered again: {failed}"


async def nak_delay(q):
    first = await q.publish_and_take("nak-delay")
    started = time.monotonic()
    await first.nak(delay=NAK_DELAY)
    while time.monotonic() - started < NAK_DELAY - 0.4:
        info = await q.sub.consumer_info()
        expect("num_pending + num_ack_pending meanwhile", info.num_pending + info.num_ack_pending, 1)
        await asyncio.sleep(0.2)
    return await again(q, first, started, NAK_DELAY - 0.1)


async def in_progress(q):
    message = await q.publish_and_take("in-progress")
    hold = 1.5 * q.visibility_timeout
    meanwhile = asyncio.create_task(q.fetch(1, max(1.0, hold)))
    started = time.monotonic()
    while time.monotonic() - started < hold:
        await message.in_progress()
        await asyncio.sleep(q.visibility_timeout / 8)
    expect("delivered meanwhile", len(await meanwhile), 0)
    await message.ack()
    await q.until_settled()
    return f"held for {hold} s, visibility timeout {q.visibility_timeout} s"


async def visibility_timeout(q):
    first = await q.publish_and_take("visibility-timeout")
    return await again(q, first, time.monotonic(), 0.9 * q.visibility_timeout)


async def term(q):
    before = await q.dead_letters()
    message = await q.publish_and_take("term")
    await message.term()
    await q.until_settled()
    for _ in range(100):
        if await q.dead_letters() != before:
            break
        await asyncio.sleep(0.1)
    expect("dead letters", await q.dead_letters() - before, 1)
    expect("delivered again", len(await q.fetch(1, 1.0)), 0)
    return "dead-lettered, not delivered again"
