export type PodNetworkOptions = { bridge: string; podRange: string; addresses: string }

/** The CNI configuration list, as JSON: pods on one bridge, addresses from `podRange`, the bridge as their gateway. */
export function podNetwork({ bridge, podRange, addresses }: PodNetworkOptions): string {
  return JSON.stringify({
    cniVersion: '1.0.0',
    name: 'pillion',
    plugins: [
      {
        type: 'bridge',
        bridge,
        isGateway: true,
        // A pod that calls a Service which it backs itself gets its own packet back.
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: addresses,
          ranges: [[{ subnet: podRange }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
    ],
  })
}
