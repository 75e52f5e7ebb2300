import { crdName } from './crd/custom-resource-definition.ts'
import { kinds } from './crd/kinds.ts'
import { reference } from './crd/reference.ts'
import { admissionTemplate, admissionYaml, crdTemplate, crdYaml } from './crd/render.ts'
import { GROUP } from './group.ts'

/** What `npm run generate` writes: text by path from the project's own folder. Pure. */
export function generatedFiles(): ReadonlyMap<string, string> {
  return new Map([
    ...kinds.flatMap((kind): [string, string][] => [
      [`crds/generated/${GROUP}_${kind.plural}.yaml`, crdYaml(kind)],
      [`charts/pillion/templates/crds/${crdName(kind)}.yaml`, crdTemplate(kind)],
    ]),
    ['crds/generated/deletion-policy.yaml', admissionYaml()],
    ['charts/pillion/templates/deletion-policy.yaml', admissionTemplate()],
    ['crds/REFERENCE.md', reference(kinds)],
  ])
}
