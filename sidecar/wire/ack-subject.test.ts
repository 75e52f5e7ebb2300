import { fc, test } from '@fast-check/vitest'
import { describe, expect, it } from 'vitest'
import { parseAckSubject } from './ack-subject.ts'

describe('parseAckSubject', () => {
  it('reads what nats-server writes', () => {
    expect(parseAckSubject('PILLION.ACK.orders.workers_fifo.2.17.19.1763820000000000000.5')).toEqual({
      stream: 'orders',
      consumer: 'workers_fifo',
      delivered: 2,
      streamSequence: 17,
      consumerSequence: 19,
      storedAt: 1763820000000,
    })
  })
  it('is not misled by a stream and a consumer with a common part', () => {
    expect(parseAckSubject('PILLION.ACK.a.a_fifo.1.2.3.4.5')).toMatchObject({ stream: 'a', consumer: 'a_fifo' })
    expect(parseAckSubject('PILLION.ACK.ack.a.1.2.3.4.5')).toMatchObject({ stream: 'ack', consumer: 'a' })
  })
  it.each([
    'PILLION.ACK.orders.workers_fifo',
    'PILLION.ACK.orders.workers_fifo.1.2.3.4',
    'PILLION.ACK.orders.workers_fifo.1.2.3.4.5.6',
    'PILLION.ACK.orders.workers_fifo.0.2.3.4.5',
    'PILLION.ACK.orders.workers_fifo.1.0.3.4.5',
    'PILLION.ACK.orders.workers_fifo.1.-2.3.4.5',
    'PILLION.ACK.orders.workers_fifo.1.2e3.3.4.5',
    'PILLION.ACK.orders.workers_fifo.1.9999999999999999999.3.4.5',
    'PILLION.ACK.orders.workers_fifo.1..3.4.5',
    'PILLION.ACK.orders.workers_fifo.1.x.3.4.5',
  ])('refuses %s', (subject) => {
    expect(parseAckSubject(subject)).toBeUndefined()
  })
  test.prop([fc.string({ maxLength: 80 })])('never throws', (text) => {
    parseAckSubject(`PILLION.ACK.${text}`)
  })
  test.prop([fc.nat(), fc.nat(), fc.stringMatching(/^[a-z]{1,8}$/), fc.stringMatching(/^[a-z_]{1,8}$/)])(
    'keeps names and numbers apart',
    (streamSequence, consumerSequence, stream, consumer) => {
      const subject = `PILLION.ACK.${stream}.${consumer}.1.${streamSequence + 1}.${consumerSequence}.0.5`
      const read = { stream, consumer, streamSequence: streamSequence + 1, consumerSequence }
      expect(parseAckSubject(subject)).toMatchObject(read)
    },
  )
  it('tells many names apart that are read in turns', () => {
    const names = Array.from({ length: 2000 }, (_, n) => ({ stream: `q${n}`, consumer: `workers_p${n % 64}` }))
    for (const turn of [1, 2]) {
      for (const name of names) {
        const ack = parseAckSubject(`PILLION.ACK.${name.stream}.${name.consumer}.1.${turn}.1.0.5`)
        expect(ack).toMatchObject({ ...name, streamSequence: turn })
      }
    }
  })
})
