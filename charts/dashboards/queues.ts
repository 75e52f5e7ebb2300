import {
  type Dashboard,
  DashboardBuilder,
  DashboardCursorSync,
  DatasourceVariableBuilder,
  type Panel,
  QueryVariableBuilder,
  RowBuilder,
  VariableRefresh,
} from '@grafana/grafana-foundation-sdk/dashboard'
import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import { DATASOURCE } from './panels.ts'
import { brokers } from './rows/brokers.ts'
import { depth } from './rows/depth.ts'
import { limits } from './rows/limits.ts'
import { operator } from './rows/operator.ts'
import { outcomes } from './rows/outcomes.ts'
import { overview } from './rows/overview.ts'
import { rates } from './rows/rates.ts'
import { transactions } from './rows/transactions.ts'

interface Row {
  readonly title: string
  readonly panels: ReadonlyArray<Builder<Panel> & { id(id: number): unknown }>
}

// What a person looks at first stands first: how much waits how fast it moves, what bounds it, then outcomes, then what runs it.
const rows: readonly Row[] = [overview, depth, rates, limits, outcomes, transactions, brokers, operator]

/** The Grafana dashboard of Queues, brokers and operator. */
export function queuesDashboard(): Dashboard {
  const dashboard = new DashboardBuilder('Pillion / Queues')
    .uid('pillion-queues')
    .description(
      'Depth, rates, ages, retries and dead letters of Queues; transactions; health of their brokers and of the operator.',
    )
    .tags(['pillion', 'queues', 'nats'])
    .time({ from: 'now-1h', to: 'now' })
    .refresh('30s')
    .tooltip(DashboardCursorSync.Crosshair)
    .withVariable(new DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'))
    .withVariable(choice('namespace', 'Namespace', 'label_values(pillion_broker_connected, namespace)'))
    .withVariable(choice('broker', 'Broker', 'label_values(pillion_broker_connected{namespace=~"$namespace"}, broker)'))
    .withVariable(
      choice(
        'queue',
        'Queue',
        'label_values(pillion_queue_messages_ready{namespace=~"$namespace", broker=~"$broker"}, queue)',
      ),
    )
  let id = 1
  for (const row of rows) {
    dashboard.withRow(new RowBuilder(row.title).id(id++))
    for (const panel of row.panels) {
      panel.id(id++)
      dashboard.withPanel(panel)
    }
  }
  return dashboard.build()
}

/** A variable of one or more label values, all of them unless the person chooses. */
function choice(name: string, label: string, query: string): QueryVariableBuilder {
  return new QueryVariableBuilder(name)
    .label(label)
    .datasource(DATASOURCE)
    .query({ query, refId: name })
    .definition(query)
    .refresh(VariableRefresh.OnTimeRangeChanged)
    .multi(true)
    .includeAll(true)
    .allValue('.*')
    .current({ selected: true, text: ['All'], value: ['$__all'] })
}
