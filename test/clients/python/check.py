"""Runs checks by name and prints a line of JSON for each."""

import json


def say(line):
    """A line for whoever runs this program."""
    print(json.dumps(line), flush=True)


def expect(what, actual, wanted):
    if actual != wanted:
        raise AssertionError(f"{what} is {actual!r}, not {wanted!r}")


def expect_at_least(what, actual, least):
    if actual < least:
        raise AssertionError(f"{what} is {actual:.2f}, less than {least:.2f}")


class Checks:
    def __init__(self):
        self.failed = 0
        # What is drained after a check that failed, so that nothing of it is left to the next one.
        self.queues = []

    async def run(self, name, test, *args):
        ok = True
        try:
            detail = await test(*args)
        except Exception as error:
            ok = False
            detail = f"{type(error).__name__}: {error}"
            self.failed += 1
        say({"check": name, "ok": ok, "detail": detail})
        if not ok:
            for queue in self.queues:
                await queue.drain()
