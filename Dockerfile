# syntax=docker/dockerfile:1
# The released program and nothing else: dist/linux-amd64/redflag and dist/linux-arm64/redflag are the static programs
# of the release, so that what runs here is what was attested. What is decided here is told in docs/installing.md.

FROM debian:bookworm-slim AS roots
# The newest roots there are, not those of one day.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*

FROM scratch
ARG TARGETARCH
# TLS trusts what the system trusts, and an empty system trusts nobody.
COPY --from=roots /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY --chmod=0755 dist/linux-${TARGETARCH}/redflag /usr/bin/redflag
ENV LANG=C.UTF-8 HOME=/home/redflag
WORKDIR /home/redflag
USER 65532:65532
ENTRYPOINT ["/usr/bin/redflag"]
CMD ["--help"]
