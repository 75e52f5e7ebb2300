// Runs in a pod: a producer with a database of its own. For each order it prepares a transaction, then commits the order's row in its
// database (COMMITS) or does not (ROLLS_BACK), and dies before it says so. Asked for it later, it answers what its database says.
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { DatabaseSync } from 'node:sqlite'
import { connect } from '@nats-io/transport-node'

const {
  CREDENTIALS = '',
  DATA = '',
  PORT = '',
  QUEUE = '',
  CHECK_BACK = '',
  COMMITS = '',
  ROLLS_BACK = '',
} = process.env
process.once('SIGTERM', () => process.exit(0))

const database = new DatabaseSync(`${DATA}/orders.db`)
database.exec(`
  CREATE TABLE IF NOT EXISTS starts (start INTEGER PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS prepared (id TEXT PRIMARY KEY, start INTEGER);
  CREATE TABLE IF NOT EXISTS orders (id TEXT PRIMARY KEY);
  CREATE TABLE IF NOT EXISTS answers (id TEXT, answer TEXT, start INTEGER);
  INSERT INTO starts DEFAULT VALUES;
`)
const all = (sql: string, ...values: string[]) => database.prepare(sql).all(...values)
const add = (sql: string, ...values: string[]) => database.prepare(sql).run(...values)
const isThere = (sql: string, id: string): boolean => all(sql, id).length > 0

/** Prepared, and its row is neither there nor given up yet. */
let undecided: string | undefined

function answerTo(id: string): string {
  if (id === undecided) return 'unknown'
  return isThere('SELECT 1 FROM orders WHERE id = ?', id) ? 'commit' : 'abort'
}

createServer((request, response) => {
  void text(request).then((body) => {
    if (request.method !== 'POST') {
      const [orders, prepared, answers] = ['orders', 'prepared', 'answers'].map((table) =>
        all(`SELECT * FROM ${table}`),
      )
      return response.end(JSON.stringify({ orders, prepared, answers }))
    }
    const { id }: { id: string } = JSON.parse(body)
    const answer = answerTo(id)
    add('INSERT INTO answers SELECT ?, ?, max(start) FROM starts', id, answer)
    return response.end(JSON.stringify({ answer }))
  })
}).listen(Number(PORT))

const credential = (name: string): string => readFileSync(`${CREDENTIALS}/${name}`, 'utf8')
const connection = await connect({
  servers: credential('url'),
  user: credential('username'),
  pass: credential('password'),
  maxReconnectAttempts: -1,
})
/** @throws Error with what the broker refuses it for */
async function ask(verb: string, request: object): Promise<{ secret?: string }> {
  const answer = await connection.request(`pillion.tx.${verb}`, JSON.stringify(request), { timeout: 20_000 })
  const { error, ...transaction }: { error?: object; secret?: string } = answer.json()
  if (error !== undefined) throw new Error(`${verb} is refused: ${JSON.stringify(error)}`)
  return transaction
}

for (const id of [COMMITS, ROLLS_BACK]) {
  if (isThere('SELECT 1 FROM prepared WHERE id = ?', id)) continue
  undecided = id
  const checkBack = { url: CHECK_BACK, firstAfter: '1s', interval: '1s', limit: 1000 }
  const { secret } = await ask('begin', { id, checkBack })
  await ask('send', { id, secret, from: 0, sends: [{ queue: QUEUE, body: id }] })
  await ask('prepare', { id, secret })
  add('INSERT INTO prepared SELECT ?, max(start) FROM starts', id)
  database.exec('BEGIN')
  add('INSERT INTO orders VALUES (?)', id)
  if (id === COMMITS) database.exec('COMMIT')
  process.exit(1)
}
