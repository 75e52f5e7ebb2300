import type { Pod } from '../../kube/resources.ts'
import { type Fact, isFalse } from '../condition.ts'

type ContainerStatus = NonNullable<NonNullable<Pod['status']>['containerStatuses']>[number]

const pullReasons = new Set([
  'ErrImagePull',
  'ImagePullBackOff',
  'ErrImageNeverPull',
  'InvalidImageName',
  'RegistryUnavailable',
])
const configReasons = new Set(['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'])
/** A container that ended twice without getting ready in between is taken to go on like that. */
const CRASHES = 2

/**
 * What keeps the containers of a pod from running. A container that cannot start goes back and forth between states (pulling and
 * waiting to pull; running, ended, waiting to run): it is the same trouble in the same words in each of them.
 */
export function containerTrouble(pod: Pod): Fact | undefined {
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {}
  for (const status of [...initContainerStatuses, ...containerStatuses]) {
    const trouble = pullTrouble(status) ?? crashTrouble(pod, status)
    if (trouble !== undefined) return trouble
  }
  return undefined
}

function pullTrouble({ name, image, state }: ContainerStatus): Fact | undefined {
  const { reason = '', message } = state?.waiting ?? {}
  if (configReasons.has(reason)) return isFalse('ContainerNotCreated', `container ${name}: ${message ?? reason}`)
  if (!pullReasons.has(reason)) return undefined
  const todo = 'check the image setting of the operator, and that nodes may pull it'
  return isFalse('ImagePullFailed', `container ${name}: image ${image} cannot be had; ${todo}`)
}

function crashTrouble(pod: Pod, status: ContainerStatus): Fact | undefined {
  const { name, ready, restartCount, state, lastState } = status
  const ended = state?.terminated ?? lastState?.terminated
  if (ready || ended === undefined) return undefined
  const backingOff = state?.waiting?.reason === 'CrashLoopBackOff'
  if (!backingOff && restartCount < CRASHES) return undefined
  const how = ended.reason === undefined || ended.reason === 'Error' ? '' : ` (${ended.reason})`
  const look = `kubectl logs --namespace ${pod.metadata.namespace} ${pod.metadata.name} --container ${name} --previous`
  return isFalse('ContainerCrashes', `container ${name} ends with exit code ${ended.exitCode}${how}; see ${look}`)
}
