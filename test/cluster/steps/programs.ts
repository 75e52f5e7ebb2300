import { type BinaryName, binary } from '../binaries.ts'

const programs: BinaryName[] = [
  'kube-apiserver',
  'kubectl',
  'etcd',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'coredns',
  'helm',
]

/** Builds what the cache lacks, one after the other: a build uses every processor by itself. */
export async function buildPrograms(): Promise<void> {
  for (const program of programs) await binary(program)
}
