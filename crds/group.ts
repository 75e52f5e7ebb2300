/** The API group and version of every kind that is declared here. */
export const GROUP = 'pillion.dev'
export const VERSION = 'v1alpha1'
export const API_VERSION = `${GROUP}/${VERSION}` as const
