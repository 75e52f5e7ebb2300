import { expect, test } from 'vitest'
import { podNetwork } from './cni.ts'
import { containerd } from './containerd.ts'
import { corefile } from './coredns.ts'
import { kubeProxyConfiguration } from './kube-proxy.ts'
import { kubeletConfiguration } from './kubelet.ts'

test('containerd keeps to its own folders and takes the CNI list from where it is written', () => {
  const cni = {
    path: '/state/cni/10-x.conflist',
    list: podNetwork({ bridge: 'b0', podRange: '10.1.0.0/24', addresses: '/state/a' }),
  }
  const { files = {} } = containerd({
    program: 'containerd',
    ctr: 'ctr',
    configPath: '/state/containerd.toml',
    root: '/state/containerd',
    state: '/run/x/containerd',
    socket: '/run/x/containerd.sock',
    cni,
    sandboxImage: 'pause:dev',
  })
  expect(files['/state/cni/10-x.conflist']).toBe(cni.list)
  expect(files['/state/containerd.toml']).toContain('conf_dir = "/state/cni"')
  expect(files['/state/containerd.toml']).toContain('sandbox_image = "pause:dev"')
  expect(files['/state/containerd.toml']).not.toMatch(/"\/(var\/lib|run|opt)\/containerd/)
})

test('pods get addresses of the range, and the bridge as their gateway', () => {
  const list: object = JSON.parse(podNetwork({ bridge: 'b0', podRange: '10.1.0.0/24', addresses: '/state/a' }))
  expect(list).toMatchObject({
    plugins: [
      {
        type: 'bridge',
        bridge: 'b0',
        isGateway: true,
        ipam: { dataDir: '/state/a', ranges: [[{ subnet: '10.1.0.0/24' }]] },
      },
    ],
  })
})

test('cluster DNS answers on the bridge only, and knows no name outside the cluster', () => {
  const text = corefile({
    program: 'coredns',
    address: '10.1.0.1',
    clusterDomain: 'cluster.local',
    readyPort: 1,
    configPath: '/c',
    kubeconfigPath: '/k',
    kubeconfig: '',
  })
  expect(text.match(/bind 10\.1\.0\.1/g)).toHaveLength(2)
  expect(text).toContain('rcode NXDOMAIN')
  expect(text).not.toContain('forward')
})

test('the kubelet evicts nothing, runs where control groups are of version 1, and asks the API server who may call it', () => {
  const configuration = kubeletConfiguration({
    program: 'kubelet',
    nodeName: 'n',
    address: '10.1.0.1',
    port: 1,
    healthPort: 2,
    clusterDomain: 'cluster.local',
    clusterDns: '10.1.0.1',
    cgroupName: 'x',
    ca: '/ca',
    containerdSocket: '/run/x/containerd.sock',
    root: '/state/kubelet',
    podLogs: '/state/pod-logs',
    configPath: '/c',
    kubeconfigPath: '/k',
    kubeconfig: '',
  })
  expect(configuration).toMatchObject({
    failCgroupV1: false,
    cgroupRoot: '/x',
    containerRuntimeEndpoint: 'unix:///run/x/containerd.sock',
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true } },
    authorization: { mode: 'Webhook' },
    evictionHard: { 'nodefs.available': '0%', 'imagefs.available': '0%' },
  })
})

test('kube-proxy leaves connection tracking and the addresses of the machine alone', () => {
  const options = {
    program: 'p',
    nodeName: 'n',
    healthPort: 1,
    metricsPort: 2,
    configPath: '/c',
    kubeconfigPath: '/k',
    kubeconfig: '',
  }
  expect(kubeProxyConfiguration({ ...options, podRange: '10.1.0.0/24' })).toMatchObject({
    mode: 'nftables',
    nodePortAddresses: ['10.1.0.0/24'],
    conntrack: { maxPerCore: 0, min: 0 },
  })
})
