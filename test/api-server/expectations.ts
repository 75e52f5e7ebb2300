import type { ManifestFile } from './manifests.ts'
import type { Cause } from './server.ts'

/**
 * What the header of an invalid manifest says is told of it, sorted:
 *
 *     # api-server: spec.paused: Invalid value: "string": …
 *     # parse: spec.paused: must be true or false; it is "true"
 *
 * Without a `parse` line the parse functions of `crds/` blame the same fields with the same words, but for the value that the
 * API server puts before them.
 */
export function expectedOf({ name, header }: ManifestFile): { apiServer: string[]; parse: string[] | undefined } {
  const lines = (label: string) =>
    header
      .filter((line) => line.startsWith(`${label}: `))
      .map((line) => line.slice(label.length + 2))
      .toSorted()
  const apiServer = lines('api-server')
  const parse = lines('parse')
  if (apiServer.length === 0) throw new Error(`${name} does not begin with what the API server says of it`)
  return { apiServer, parse: parse.length === 0 ? undefined : parse }
}

/** Causes or problems as the lines of a header. */
export function told(causes: readonly Cause[]): string[] {
  return causes.map(({ field, message }) => (field === '' ? message : `${field}: ${message}`)).toSorted()
}

/** The API server's line without the value that it shows: `spec.replicas: Invalid value: 5: …` is `spec.replicas: …`. */
export function withoutValue(line: string): string {
  return line.replace(/: Invalid value: (("[^"]*"|true|false|-?[0-9.]+): )?/, ': ')
}
