# Node alone, for pods of tests.
ARG BASE=node:26-trixie-slim
FROM ${BASE}
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/node"]
