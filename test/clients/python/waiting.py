"""How pulls end that do not get all that they ask for."""

import json
import time

from check import expect, expect_at_least


async def waiting(checks, q):
    await checks.run("no-wait-empty", no_wait_empty, q)
    await checks.run("no-wait", no_wait, q)
    await checks.run("expires-empty", expires_empty, q)
    await checks.run("expires-partial", expires_partial, q)


async def pull_no_wait(q, batch):
    """A pull that does not wait, for which this client has no call: what came, and the status that ended it within ten seconds."""
    # Of type Exclusive, one inbox of a connection is served, so nobody listens at the other meanwhile.
    await q.sub.unsubscribe()
    inbox = q.connection.new_inbox()
    subscription = await q.connection.subscribe(inbox)
    pull = json.dumps({"batch": batch, "no_wait": True}).encode()
    await q.connection.publish(f"$JS.API.CONSUMER.MSG.NEXT.{q.name}.{q.group}", pull, reply=inbox)
    messages = []
    try:
        while True:
            message = await subscription.next_msg(timeout=10)
            headers = message.headers or {}
            if "Status" not in headers:
                messages.append(message)
                continue
            end = f"{headers['Status']} {headers.get('Description')}"
            # Clients take both as "no more for now".
            expect("one of the ends", end in ("404 No Messages", "408 Request Timeout") or end, True)
            return messages, end
    finally:
        await subscription.unsubscribe()
        await q.open()


async def no_wait_empty(q):
    messages, end = await pull_no_wait(q, 5)
    expect("messages", len(messages), 0)
    return end


async def no_wait(q):
    await q.publish(3, "no-wait")
    count = min(3, q.traits["inFlight"])
    messages, end = await pull_no_wait(q, 5)
    expect("messages", len(messages), count)
    for message in messages:
        await message.respond(b"+ACK")
    await q.take(3 - count)
    await q.until_settled()
    return f"{count} of 5, then {end}"


async def expires_empty(q):
    started = time.monotonic()
    expect("messages", len(await q.fetch(5, 2.0)), 0)
    waited = time.monotonic() - started
    expect_at_least("the time in s", waited, 1.8)
    return f"ended after {waited:.2f} s"


async def expires_partial(q):
    await q.publish(3, "expires-partial")
    count = min(3, q.traits["inFlight"])
    messages = await q.fetch(10, 2.0)
    expect("messages", len(messages), count)
    for message in messages:
        await message.ack()
    messages += await q.take(3 - count)
    q.expect_order(messages, 3)
    await q.until_settled()
    return f"{count} of 10, then ended"
