import { series } from '../panels.ts'
import { BROKER_LEGEND, BY_BROKER, maxBy, ofBrokers, rate, sumBy } from '../promql.ts'

const gauge = (metric: string) => ({ expr: maxBy(BY_BROKER, ofBrokers(metric)), legend: BROKER_LEGEND })
const by = (label: string, metric: string) => ({
  expr: sumBy([...BY_BROKER, label], rate(ofBrokers(metric))),
  legend: `${BROKER_LEGEND} {{${label}}}`,
})

export const transactions = {
  title: 'Transactions',
  panels: [
    series({
      title: 'Open transactions',
      description: 'Transactions that have not come to their end, by broker. At 1,000 a broker takes no more.',
      unit: 'count',
      queries: [gauge('pillion_broker_transactions_open')],
    }),
    series({
      title: 'Transactions in doubt',
      description:
        'Their producer was asked in vain, or another broker that they span is gone. More than 0: somebody has to decide, with pillion tx resolve.',
      unit: 'count',
      queries: [gauge('pillion_broker_transactions_in_doubt')],
    }),
    series({
      title: 'Transactions, by outcome',
      description: 'Transactions that came to their end, each second: committed or aborted.',
      unit: 'perSecond',
      queries: [by('outcome', 'pillion_broker_transactions_total')],
    }),
    series({
      title: 'Check-backs, by answer',
      description: 'Questions to producers of prepared transactions, each second, by what was answered.',
      unit: 'perSecond',
      queries: [by('answer', 'pillion_broker_check_backs_total')],
    }),
  ],
}
