/** A Prometheus without its operator: what to put in `scrape_configs` for the labels that the dashboard reads. */
export interface ScrapeConfigOptions {
  /** Outside the cluster: path of a kubeconfig. */
  readonly kubeconfigFile?: string
  /** Such as `30s`. */
  readonly interval?: string
}

/** The same targets and labels as the chart's PodMonitors give. */
export function scrapeConfigs({ kubeconfigFile, interval = '30s' }: ScrapeConfigOptions = {}): object[] {
  const discovery = { role: 'pod', ...(kubeconfigFile === undefined ? {} : { kubeconfig_file: kubeconfigFile }) }
  const meta = (label: string) => `__meta_kubernetes_pod_${label}`
  return [
    {
      job_name: 'pillion',
      scrape_interval: interval,
      kubernetes_sd_configs: [discovery],
      relabel_configs: [
        {
          source_labels: [meta('label_app_kubernetes_io_name'), meta('container_port_name')],
          regex: 'pillion-(broker|operator);http',
          action: 'keep',
        },
        { source_labels: [meta('phase')], regex: 'Failed|Succeeded', action: 'drop' },
        { source_labels: ['__meta_kubernetes_namespace'], target_label: 'namespace' },
        { source_labels: [meta('name')], target_label: 'pod' },
        { source_labels: [meta('label_pillion_dev_broker')], target_label: 'broker' },
      ],
    },
  ]
}
