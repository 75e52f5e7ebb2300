"""What a stock Python client (nats-py) does with a Queue, one check a line of output.

Its JavaScript and Go counterparts in the folders beside make the same checks under the same names. The Queue has to be empty
and its own. nats-py has no consume() for pull consumers: its consume style is fetching in a loop.

python client.py --server <url> --queue <name> [--group workers] [--user <name> --password <password>]
"""

import argparse
import asyncio
import json
import sys
import time

import nats
from nats.errors import TimeoutError as NatsTimeoutError
from nats.js.errors import NotFoundError


def expect(what, actual, wanted):
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r}, not {wanted!r}")


def expect_at_least(what, actual, least):
    if actual < least:
        raise AssertionError(f"{what} is {actual:.2f}, less than {least:.2f}")


class Queue:
    """One Queue as a stock client sees it."""

    def __init__(self, connection, name, group):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)
        self.name = name
        self.group = group
        self.subject = f"q.{name}"
        self.run = f"py-{int(time.time() * 1000)}"
        self.sub = None

    async def open(self):
        self.sub = await self.js.pull_subscribe_bind(consumer=self.group, stream=self.name)

    def bodies(self, name, start, end):
        return [f"{self.run} {name} {i}" for i in range(start, end)]

    async def publish(self, count, name):
        bodies = self.bodies(name, 0, count)
        for body in bodies:
            await self.js.publish(self.subject, body.encode(), headers={"Nats-Msg-Id": body})
        return bodies

    async def fetch(self, count, expires=5.0):
        """Fetch style: what one pull brings; nothing is an empty list."""
        try:
            return await self.sub.fetch(count, timeout=expires, heartbeat=expires / 4)
        except (NatsTimeoutError, asyncio.TimeoutError):
            return []

    async def next(self):
        """The next message, which has to come within a minute."""
        return (await self.sub.fetch(1, timeout=60))[0]

    async def again(self, first):
        """Expects the message for the second time, and acknowledges it."""
        second = await self.next()
        expect("seq", second.metadata.sequence.stream, first.metadata.sequence.stream)
        expect("count", second.metadata.num_delivered, 2)
        await second.ack()
        await self.until_settled()

    async def until_settled(self):
        for _ in range(100):
            info = await self.sub.consumer_info()
            if info.num_pending == 0 and info.num_ack_pending == 0:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"num_pending stays {info.num_pending}, num_ack_pending {info.num_ack_pending}")

    async def dead_letters(self):
        return (await self.js.stream_info(f"{self.name}_dlq")).state.messages

    async def drain(self):
        quiet = 0
        while self.sub is not None and quiet < 2:
            messages = await self.fetch(100, 4.0)
            quiet = 0 if messages else quiet + 1
            for message in messages:
                await message.ack()


class Checks:
    def __init__(self, queue):
        self.queue = queue
        self.failed = 0

    async def run(self, name, test):
        ok = True
        try:
            detail = await test(self.queue)
        except Exception as error:
            ok = False
            detail = f"{type(error).__name__}: {error}"
            self.failed += 1
        print(json.dumps({"check": name, "ok": ok, "detail": detail}), flush=True)
        if not ok:
            await self.queue.drain()


async def check_open(q):
    await q.open()
    info = await q.sub.consumer_info()
    expect("name", info.name, q.group)
    expect("stream_name", info.stream_name, q.name)
    expect("num_pending", info.num_pending, 0)
    expect("num_ack_pending", info.num_ack_pending, 0)
    expect_at_least("ack_wait in s", info.config.ack_wait, 0.001)
    return f"group {q.group} of {q.name}"


async def check_unknown_group(q):
    try:
        await q.js.consumer_info(q.name, "nobody")
    except NotFoundError as error:
        expect("the code", error.err_code, 10014)
        return "consumer not found"
    raise AssertionError("a group that is not there was opened")


async def check_publish(q):
    last = 0
    for i, body in enumerate(q.bodies("publish", 0, 10)):
        ack = await q.js.publish(q.subject, body.encode(), headers={"Nats-Msg-Id": body, "Trace": f"t{i}"})
        expect("stream", ack.stream, q.name)
        expect("duplicate", bool(ack.duplicate), False)
        expect_at_least("seq", ack.seq, last + 1)
        last = ack.seq
    return f"10 acknowledged, the last with sequence {last}"


async def check_publish_duplicate(q):
    ack = await q.js.publish(q.subject, b"again", headers={"Nats-Msg-Id": f"{q.run} publish 9"})
    expect("duplicate", ack.duplicate, True)
    return f"duplicate of {ack.seq}"


async def check_info_pending(q):
    info = await q.sub.consumer_info()
    expect("num_pending", info.num_pending, 10)
    return "10 to be delivered"


async def check_fetch(q):
    messages = await q.fetch(4)
    expect("bodies", [m.data.decode() for m in messages], q.bodies("publish", 0, 4))
    expect("header Trace", [m.headers["Trace"] for m in messages], ["t0", "t1", "t2", "t3"])
    expect("header Nats-Msg-Id", [m.headers["Nats-Msg-Id"] for m in messages], q.bodies("publish", 0, 4))
    expect("subject", messages[0].subject, q.subject)
    expect("count", messages[0].metadata.num_delivered, 1)
    info = await q.sub.consumer_info()
    expect("num_ack_pending", info.num_ack_pending, 4)
    for message in messages:
        await message.ack()
    return "4 of 10, in order"


async def check_consume(q):
    bodies = []
    while len(bodies) < 6:
        messages = await q.fetch(2, 20.0)
        expect_at_least("messages", len(messages), 1)
        for message in messages:
            bodies.append(message.data.decode())
            await message.ack()
    expect("bodies", bodies, q.bodies("publish", 4, 10))
    await q.until_settled()
    return "the other 6, in order; nothing left"


async def check_consume_waits(q):
    async def consume():
        for _ in range(30):
            for message in await q.fetch(5, 2.0):
                await message.ack()
                return message.data.decode()
        return "nothing"

    consuming = asyncio.create_task(consume())
    await asyncio.sleep(3)
    [body] = await q.publish(1, "consume-waits")
    expect("body", await asyncio.wait_for(consuming, 20), body)
    await q.until_settled()
    return "a pull that was renewed on an empty queue gets what comes later"


async def check_double_ack(q):
    await q.publish(1, "double-ack")
    message = await q.next()
    await message.ack_sync(timeout=10)
    await q.until_settled()
    return "answered"


async def check_nak(q):
    await q.publish(1, "nak")
    first = await q.next()
    await first.nak()
    await q.again(first)
    return "delivered again with count 2"


async def check_nak_delay(q):
    await q.publish(1, "nak-delay")
    first = await q.next()
    started = time.monotonic()
    await first.nak(delay=2)
    await q.again(first)
    waited = time.monotonic() - started
    expect_at_least("the delay in s", waited, 1.9)
    return f"delivered again after {waited:.2f} s"


async def check_in_progress(q):
    visibility_timeout = (await q.sub.consumer_info()).config.ack_wait
    await q.publish(1, "in-progress")
    message = await q.next()
    hold = 1.5 * visibility_timeout
    meanwhile = asyncio.create_task(q.fetch(1, max(1.0, hold)))
    started = time.monotonic()
    while time.monotonic() - started < hold:
        await message.in_progress()
        await asyncio.sleep(visibility_timeout / 8)
    expect("delivered meanwhile", len(await meanwhile), 0)
    await message.ack()
    await q.until_settled()
    return f"held for {hold} s, visibility timeout {visibility_timeout} s"


async def check_visibility_timeout(q):
    visibility_timeout = (await q.sub.consumer_info()).config.ack_wait
    await q.publish(1, "visibility-timeout")
    first = await q.next()
    started = time.monotonic()
    await q.again(first)
    waited = time.monotonic() - started
    expect_at_least("the time in s", waited, 0.9 * visibility_timeout)
    return f"unanswered, delivered again after {waited:.2f} s"


async def check_term(q):
    before = await q.dead_letters()
    await q.publish(1, "term")
    message = await q.next()
    await message.term()
    await q.until_settled()
    for _ in range(100):
        if await q.dead_letters() != before:
            break
        await asyncio.sleep(0.1)
    expect("dead letters", await q.dead_letters() - before, 1)
    expect("delivered again", len(await q.fetch(1, 1.0)), 0)
    return "dead-lettered, not delivered again"


async def check_no_wait_empty(q):
    subject = f"$JS.API.CONSUMER.MSG.NEXT.{q.name}.{q.group}"
    answer = await q.connection.request(subject, b'{"batch":1,"no_wait":true}', timeout=10)
    expect("status", answer.headers.get("Status"), "404")
    return f"404 {answer.headers.get('Description')}"


async def check_expires_empty(q):
    started = time.monotonic()
    expect("messages", len(await q.fetch(5, 2.0)), 0)
    waited = time.monotonic() - started
    expect_at_least("the time in s", waited, 1.8)
    return f"ended after {waited:.2f} s"


async def check_expires_partial(q):
    bodies = await q.publish(3, "expires-partial")
    messages = await q.fetch(10, 2.0)
    expect("bodies", [m.data.decode() for m in messages], bodies)
    for message in messages:
        await message.ack()
    await q.until_settled()
    return "3 of 10, then ended"


CHECKS = [
    ("unknown-group", check_unknown_group),
    ("publish", check_publish),
    ("publish-duplicate", check_publish_duplicate),
    ("info-pending", check_info_pending),
    ("fetch", check_fetch),
    ("consume", check_consume),
    ("consume-waits", check_consume_waits),
    ("double-ack", check_double_ack),
    ("nak", check_nak),
    ("nak-delay", check_nak_delay),
    ("in-progress", check_in_progress),
    ("visibility-timeout", check_visibility_timeout),
    ("term", check_term),
    ("no-wait-empty", check_no_wait_empty),
    ("expires-empty", check_expires_empty),
    ("expires-partial", check_expires_partial),
]


async def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--server", required=True)
    parser.add_argument("--queue", required=True)
    parser.add_argument("--group", default="workers")
    parser.add_argument("--user")
    parser.add_argument("--password")
    args = parser.parse_args()
    connection = await nats.connect(args.server, user=args.user, password=args.password)
    checks = Checks(Queue(connection, args.queue, args.group))
    await checks.run("open", check_open)
    if checks.failed == 0:
        for name, test in CHECKS:
            await checks.run(name, test)
    await connection.flush()
    await connection.close()
    return 1 if checks.failed else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
