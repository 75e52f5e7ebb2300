# Holds a pod's namespaces and reaps its orphans. catatonit is linked statically.
FROM scratch
COPY catatonit /catatonit
USER 65535:65535
ENTRYPOINT ["/catatonit", "-P"]
