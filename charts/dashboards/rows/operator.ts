import { series } from '../panels.ts'
import { ofOperators, quantile, rate, sumBy } from '../promql.ts'

export const operator = {
  title: 'Operator',
  panels: [
    series({
      title: 'Objects',
      description: 'Queues and QueueBrokers, by whether their Ready condition is true.',
      unit: 'count',
      queries: [{ expr: 'max by (kind, ready) (pillion_operator_objects)', legend: '{{kind}} ready={{ready}}' }],
    }),
    series({
      title: 'Reconciles',
      description: 'Reconciles each second, by kind and outcome.',
      unit: 'perSecond',
      queries: [
        { expr: sumBy(['kind', 'outcome'], rate('pillion_operator_reconcile_total')), legend: '{{kind}} {{outcome}}' },
      ],
    }),
    series({
      title: 'Duration of a reconcile',
      description: 'Ninety-ninth percentile, by kind.',
      unit: 'seconds',
      queries: [{ expr: quantile(0.99, 'pillion_operator_reconcile_seconds_bucket', ['kind']), legend: '{{kind}}' }],
    }),
    series({
      title: 'Work queue',
      description: 'Objects that wait to be reconciled, by kind. Growing: the operator does not keep up.',
      unit: 'count',
      queries: [{ expr: 'max by (kind) (pillion_operator_workqueue_depth)', legend: '{{kind}}' }],
    }),
    series({
      title: 'Errors of the API server',
      description: 'Answers other than success, each second, by status code. 409 now and then is usual.',
      unit: 'perSecond',
      queries: [{ expr: sumBy(['code'], rate('pillion_operator_api_errors_total')), legend: '{{code}}' }],
    }),
    series({
      title: 'Drift corrected in Kubernetes',
      description: 'Objects that differed from what was declared and were put right, each second, by kind.',
      unit: 'perSecond',
      queries: [{ expr: sumBy(['kind'], rate('pillion_operator_drift_corrected_total')), legend: '{{kind}}' }],
    }),
    series({
      title: 'Memory of the operator',
      description: 'Resident memory, by pod.',
      unit: 'bytes',
      queries: [{ expr: `max by (pod) (${ofOperators('process_resident_memory_bytes')})`, legend: '{{pod}}' }],
    }),
    series({
      title: 'CPU of the operator',
      description: 'Processor time, by pod.',
      unit: 'cores',
      queries: [{ expr: `sum by (pod) (${ofOperators(rate('process_cpu_seconds_total'))})`, legend: '{{pod}}' }],
    }),
    series({
      title: 'Event loop lag of the operator',
      description: 'Ninety-ninth percentile of how late the operator comes to its work, by pod.',
      unit: 'seconds',
      queries: [{ expr: `max by (pod) (${ofOperators('nodejs_eventloop_lag_p99_seconds')})`, legend: '{{pod}}' }],
    }),
  ],
}
