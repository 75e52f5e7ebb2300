import { dirname } from 'node:path'
import type { Component } from '../component.ts'

export type ContainerdOptions = {
  program: string
  ctr: string
  configPath: string
  root: string
  state: string
  socket: string
  /** The CNI configuration list, and where it is written. */
  cni: { path: string; list: string }
  sandboxImage: string
}

/** A containerd of our own: its root, state and socket are not those of the system's. */
export function containerd(options: ContainerdOptions): Component {
  const { program, ctr, configPath, socket, cni } = options
  return {
    name: 'containerd',
    command: [program, '--config', configPath],
    files: { [configPath]: containerdConfig(options), [cni.path]: cni.list },
    probe: { command: [ctr, '--address', socket, 'version'] },
  }
}

/**
 * `restrict_oom_score_adj`: where the machine lacks CAP_SYS_RESOURCE, every sandbox fails without it.
 * The `opt` plugin makes its folder at start, by default in /opt.
 */
export function containerdConfig({ root, state, socket, cni, sandboxImage }: ContainerdOptions): string {
  return `version = 2
root = "${root}"
state = "${state}"
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
]

[grpc]
  address = "${socket}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${root}/opt"

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${sandboxImage}"
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true

  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "/usr/lib/cni"
    conf_dir = "${dirname(cni.path)}"

  [plugins."io.containerd.grpc.v1.cri".containerd]
    snapshotter = "overlayfs"
    default_runtime_name = "runc"

    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"

      [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
        Root = "${state}/runc"
        SystemdCgroup = false
`
}
