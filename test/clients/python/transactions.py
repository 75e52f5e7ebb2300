"""Copies the messages of a Queue to two others, each once: the copies and the acknowledgement of the original are one transaction.

python transactions.py <url> <from> <to> <to> <count>
"""

import asyncio
import json
import sys
import uuid

import nats
import nats.errors


async def commit(connection, sends, acks):
    """Asks with the same id until it is answered, so that it is done once."""
    request = json.dumps({"id": str(uuid.uuid4()), "sends": sends, "acks": acks}).encode()
    while True:
        try:
            reply = await connection.request("pillion.tx.commit", request, timeout=5)
        except (nats.errors.TimeoutError, nats.errors.NoRespondersError):
            await asyncio.sleep(0.05)
            continue
        answer = json.loads(reply.data)
        if answer.get("state") in ("Committed", "Committing"):
            return answer
        error = answer.get("error", {"code": "Aborted", "message": answer.get("reason")})
        if error["code"] != "BrokerNotReady":
            raise RuntimeError(f"{error['code']}: {error['message']}")
        await asyncio.sleep(0.05)


async def main(url, source, one, two, count):
    connection = await nats.connect(url)
    workers = await connection.jetstream().pull_subscribe_bind("workers", stream=source)
    copied = 0
    while copied < count:
        try:
            [message] = await workers.fetch(1, timeout=5)
        except nats.errors.TimeoutError:
            continue
        body = message.data.decode()
        sends = [{"queue": one, "body": body, "headers": {"origin": source}}, {"queue": two, "body": body}]
        await commit(connection, sends, [message.reply])
        copied += 1
    await connection.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], int(sys.argv[5])))
