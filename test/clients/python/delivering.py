"""Publishing, info, and every style of consuming."""

import asyncio

from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import FetchTimeoutError, NotFoundError

from check import expect, expect_at_least
from one_queue import number_of


async def delivering(checks, q):
    fetched = []
    await checks.run("unknown-group", unknown_group, q)
    await checks.run("publish", publish, q)
    await checks.run("publish-duplicate", publish_duplicate, q)
    await checks.run("publish-refused", publish_refused, q)
    await checks.run("info-pending", info_pending, q)
    await checks.run("fetch", fetch, q, fetched)
    await checks.run("consume", consume, q, fetched)
    await checks.run("consume-waits", consume_waits, q)
    await checks.run("consume-heartbeats", consume_heartbeats, q)
    await checks.run("next", next_style, q)


async def unknown_group(q):
    try:
        await q.js.consumer_info(q.name, "nobody")
    except NotFoundError as error:
        expect("the code", error.err_code, 10014)
        return "consumer not found"
    raise AssertionError("a group that is not there was opened")


async def publish(q):
    last = 0
    for n in range(10):
        ack = await q.publish_one("publish", n)
        expect("stream", ack.stream, q.name)
        expect("duplicate", bool(ack.duplicate), False)
        expect_at_least("seq", ack.seq, last + 1)
        last = ack.seq
    return f"10 acknowledged, the last with sequence {last}"


async def publish_duplicate(q):
    ack = await q.publish_one("publish", 9)
    expect("duplicate", ack.duplicate, True)
    return f"duplicate of {ack.seq}"


async def publish_refused(q):
    subject = q.traits["refused"].replace("{queue}", q.name)
    try:
        await q.js.publish(subject, b"nowhere")
    except Exception as error:
        return f"{subject}: {error}"
    raise AssertionError(f"a publish to {subject} was acknowledged")


async def info_pending(q):
    # A sub-queue that appears counts from when it has its lane.
    for _ in range(100):
        if (await q.sub.consumer_info()).num_pending == 10:
            break
        await asyncio.sleep(0.1)
    expect("num_pending", (await q.sub.consumer_info()).num_pending, 10)
    return "10 to be delivered"


async def fetch(q, fetched):
    count = min(4, q.traits["inFlight"])
    fetched += await q.fetch(4)
    expect("messages", len(fetched), count)
    q.expect_order(fetched, 10)
    for message in fetched:
        n = number_of(message)
        expect("body", message.data.decode(), q.body("publish", n))
        expect("header Trace", message.headers["Trace"], f"t{n}")
        expect("header Nats-Msg-Id", message.headers["Nats-Msg-Id"], q.body("publish", n))
        expect("subject", message.subject, q.stored(n))
        expect("count", message.metadata.num_delivered, 1)
    info = await q.sub.consumer_info()
    expect("num_ack_pending", info.num_ack_pending, count)
    expect("num_pending", info.num_pending, 10 - count)
    for message in fetched:
        await message.ack()
    return f"{count} of 10, in order"


async def consume(q, fetched):
    consumed = list(fetched)
    while len(consumed) < 10:
        messages = await q.fetch(2, 5.0)
        expect_at_least("messages", len(messages), 1)
        for message in messages:
            consumed.append(message)
            await message.ack()
    q.expect_order(consumed, 10)
    await q.until_settled()
    return "the others, in order; nothing left"


async def consume_waits(q):
    async def consuming():
        for _ in range(30):
            for message in await q.fetch(5, 2.0):
                await message.ack()
                return message.data.decode()
        return "nothing"

    task = asyncio.create_task(consuming())
    await asyncio.sleep(3)
    await q.publish(1, "consume-waits")
    expect("body", await asyncio.wait_for(task, 20), q.body("consume-waits", 0))
    await q.until_settled()
    return "a pull that was renewed on an empty queue gets what comes later"


async def consume_heartbeats(q):
    """This client tells a pull without any heartbeat from one that had some by its error."""
    try:
        await q.sub.fetch(1, timeout=3.5, heartbeat=1)
    except FetchTimeoutError:
        return "heard in 3.5 s of a pull on an empty queue"
    raise AssertionError("a fetch of an empty queue brought something")


async def next_style(q):
    for n in range(2):
        await q.publish(1, "next", n)
        message = await q.next()
        expect("body", message.data.decode(), q.body("next", n))
        await message.ack()
    await q.until_settled()
    try:
        await q.sub.fetch(1, timeout=1)
    except (NatsTimeoutError, asyncio.TimeoutError):
        return "one at a time; a timeout when there is none"
    raise AssertionError("an empty queue had a message")
