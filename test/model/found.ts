import type { Options } from './world.ts'
import type { Kind, Step } from './schedule.ts'

type Schedule = ReadonlyArray<readonly [Kind, number]>

/** Schedules that a mode once failed in, some of them one in a million; they are tried before the random ones. */
const FOUND: Readonly<Record<string, readonly Schedule[]>> = {
  Fifo: [
    // A purge waited, and a crash made the server forget what was below the floor.
    [
      ['publish', 969],
      ['pull', 421],
      ['waitLong', 1444],
      ['nakLater', 1395],
      ['ackAll', 0],
      ['wait', 4436],
      ['killServer', 22],
    ],
  ],
  'Fifo, strict': [
    [
      ['pull', 866],
      ['publish', 477],
      ['ackTold', 0],
      ['wait', 2645],
      ['nakLater', 0],
      ['killServer', 3367],
    ],
  ],
  Lru: [
    // A lane that hands out nothing itself was taken to have a message that comes up.
    [
      ['pull', 6],
      ['publish', 0],
      ['nakLater', 0],
      ['waitLong', 2570],
      ['progress', 0],
      ['drop', 0],
      ['ack', 0],
    ],
    // Stopped in good order while the numbers of its deliveries were not believed.
    [
      ['pull', 274],
      ['publish', 152],
      ['killServer', 25],
      ['stopSidecar', 0],
      ['waitLong', 1],
    ],
  ],
  KeyedFifo: [
    // Granted to a pull whose client was gone, and looked at before the server had counted the message.
    [
      ['waitLong', 8496],
      ['publish', 0],
      ['pull', 1],
      ['vanish', 0],
      ['pull', 2711],
      ['wait', 0],
    ],
  ],
  'Priority, Strict': [
    // Given back after another who was given it too had acknowledged it.
    [
      ['publish', 0],
      ['killServer', 0],
      ['pull', 0],
      ['killServer', 4],
      ['pull', 0],
      ['ack', 0],
      ['nakLater', 2181],
    ],
    // Acknowledged near the end of a timeout that began before a crash.
    [
      ['pull', 1011],
      ['publish', 116],
      ['waitLong', 3175],
      ['wait', 1379],
      ['killServer', 0],
      ['ack', 0],
      ['nakLater', 1167],
      ['nak', 0],
    ],
    // A dead letter that was about to be delivered again.
    [
      ['publish', 484],
      ['wait', 1],
      ['pull', 50],
      ['killServer', 1],
      ['pull', 0],
      ['nakLater', 6566],
      ['ackTold', 441],
      ['term', 0],
      ['ack', 0],
    ],
  ],
  'Priority, Weighted': [
    // Rejected so shortly before the end of its timeout that it was delivered once more, in place of one that was given back.
    [
      ['publish', 836],
      ['pull', 2536],
      ['waitLong', 3452],
      ['nak', 0],
      ['wait', 5371],
      ['term', 0],
      ['pull', 0],
    ],
    // A purge between the end of a timeout and the next pull.
    [
      ['publish', 0],
      ['publish', 1068],
      ['publish', 7932],
      ['pull', 3424],
      ['wait', 1],
      ['ack', 0],
      ['publish', 6184],
      ['waitLong', 1024],
      ['drop', 0],
    ],
    // Given back with a delay, and acknowledged by another who was given it too.
    [
      ['publish', 3798],
      ['waitLong', 1],
      ['pull', 0],
      ['killServer', 451],
      ['pull', 1],
      ['nakLater', 7386],
      ['ackAll', 0],
      ['nak', 0],
    ],
    [
      ['publish', 6308],
      ['pull', 6486],
      ['waitLong', 3478],
      ['nakLater', 2923],
      ['term', 0],
    ],
  ],
  Hierarchical: [
    // Messages that were counted when their lane was made, and again when word of them came.
    [
      ['pull', 3004],
      ['publish', 7848],
      ['wait', 2],
      ['publish', 7973],
      ['pull', 204],
      ['drop', 1948],
      ['drop', 441],
    ],
    [
      ['pull', 1],
      ['publish', 0],
      ['wait', 1],
      ['killServer', 43],
      ['pull', 0],
      ['ack', 0],
      ['nakLater', 581],
    ],
  ],
}

export const foundIn = (mode: string): Array<[Options, Step[]]> =>
  (FOUND[mode] ?? []).map((schedule) => [
    { nearLimit: false, hints: false },
    schedule.map(([kind, random]) => ({ kind, random })),
  ])
