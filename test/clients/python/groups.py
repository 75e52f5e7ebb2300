"""Two groups of one Queue."""

from check import expect


async def groups(checks, workers, audit):
    await checks.run("second-group", second_group, workers, audit)


async def second_group(workers, audit):
    await workers.publish(3, "second-group")
    seen = await workers.take(3)
    workers.expect_order(seen, 3)
    await workers.until_settled()
    expect("num_pending of the other group", (await audit.sub.consumer_info()).num_pending, 3)
    again = await audit.take(3)
    audit.expect_order(again, 3)
    await audit.until_settled()
    expect("delivered again", len(await workers.fetch(1, 1.0)), 0)
    return "each message to both, at their own pace"
