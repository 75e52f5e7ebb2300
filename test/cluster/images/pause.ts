/** The image of the container that holds a pod's namespaces. */
export const pauseImage = 'localhost/pillion/pause:dev'
