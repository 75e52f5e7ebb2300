"""One Queue as a stock client sees it."""

import asyncio
import time

from nats.errors import TimeoutError as NatsTimeoutError

from check import expect


def number_of(message):
    """The number of a message within its check."""
    return int(message.data.decode().split(" ")[-1])


class Queue:
    def __init__(self, connection, name, group, traits):
        self.connection = connection
        self.js = connection.jetstream(timeout=10)
        self.name = name
        self.group = group
        self.traits = traits
        self.run = f"py-{int(time.time() * 1000)}"
        self.sub = None
        self.visibility_timeout = None

    async def open(self):
        self.sub = await self.js.pull_subscribe_bind(consumer=self.group, stream=self.name)
        info = await self.sub.consumer_info()
        self.visibility_timeout = info.config.ack_wait
        return self

    def fill(self, template, n):
        return template.replace("{queue}", self.name).replace("{n}", str(n))

    def place(self, n):
        places = self.traits["places"]
        return places[n % len(places)]

    def stored(self, n):
        """The subject that message n is found under."""
        return self.fill(self.place(n)["stored"], n)

    def body(self, check, n):
        return f"{self.run} {check} {n}"

    async def publish_one(self, check, n, place=None):
        """Publishes message n of a check to its place, or to another."""
        body = self.body(check, n)
        subject = self.fill(self.place(n if place is None else place)["publish"], n)
        return await self.js.publish(subject, body.encode(), headers={"Nats-Msg-Id": body, "Trace": f"t{n}"})

    async def publish(self, count, check, start=0):
        for n in range(start, start + count):
            await self.publish_one(check, n)

    async def fetch(self, count, expires=2.0):
        """
        Fetch style: what one pull brings; nothing is an empty list. Without heartbeats, since this client asks for them also where a
        pull does not wait, if a message of the pull before came late, which nats-server refuses.
        """
        try:
            return await self.sub.fetch(count, timeout=expires)
        except (NatsTimeoutError, asyncio.TimeoutError):
            return []

    async def next(self):
        """The next message, which has to come within a minute."""
        return (await self.sub.fetch(1, timeout=60))[0]

    async def publish_and_take(self, check):
        await self.publish(1, check)
        return await self.next()

    async def take(self, count):
        """Fetches and acknowledges as many messages, in as many pulls as it may take."""
        taken = []
        for _ in range(30):
            if len(taken) == count:
                break
            for message in await self.fetch(count - len(taken)):
                await message.ack()
                taken.append(message)
        expect("messages that came", len(taken), count)
        return taken

    def expect_again(self, first, second):
        """Expects that the second is the first again, after one delivery that failed."""
        expect("body", second.data, first.data)
        before, after = first.metadata, second.metadata
        if self.traits["failed"] == "tail":
            expect("header Pillion-Attempts", (second.headers or {}).get("Pillion-Attempts"), "1")
            expect("a later seq", after.sequence.stream > before.sequence.stream, True)
        else:
            expect("seq", after.sequence.stream, before.sequence.stream)
            expect("count", after.num_delivered, 2)

    def expect_order(self, messages, total):
        """Expects that these messages, the first of a total, came in the order that the mode promises."""
        numbers = [number_of(message) for message in messages]
        if self.traits["order"] is not None:
            wanted = [n for n in self.traits["order"] if n < total]
            expect("order", numbers, wanted[: len(numbers)])
            return
        places = len(self.traits["places"])
        for place in range(places):
            own = [n for n in numbers if n % places == place]
            expect(f"order in place {place}", own, [place + i * places for i in range(len(own))])

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
        """Leaves nothing behind."""
        quiet = 0
        while quiet < 2:
            messages = await self.fetch(100, 4.0)
            quiet = 0 if messages else quiet + 1
            for message in messages:
                await message.ack()
