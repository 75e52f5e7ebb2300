# The project's images, by target: operator, sidecar, nats-server. Before: npm run build, and for nats-server its program
# in dist/ (npm run cluster -- load does both). BASE is any image with glibc and Node 26 at /usr/local/bin/node.
ARG BASE=node:26-trixie-slim

FROM ${BASE} AS operator
COPY dist/operator.mjs /app/operator.mjs
USER 65532:65532
# A young generation of at most 1 MiB (three semi-spaces): left alone it grows by 13 MiB of resident memory that are never needed.
ENV NODE_ENV=production NODE_OPTIONS=--max-semi-space-size=1
ENTRYPOINT ["node", "/app/operator.mjs"]

FROM ${BASE} AS sidecar
COPY dist/sidecar.mjs dist/helm-test.mjs /app/
USER 65532:65532
ENV NODE_ENV=production
ENTRYPOINT ["node", "/app/sidecar.mjs"]

FROM scratch AS nats-server
COPY dist/nats-server /usr/local/bin/nats-server
ENV PATH=/usr/local/bin
USER 65532:65532
ENTRYPOINT ["nats-server"]
