# Builds a small image that runs as nobody in particular and expects the models in /models:
#   docker build -t apus .
#   docker run --rm -p 127.0.0.1:8080:8080 -e APUS_API_KEY -v ~/.cache/apus/models:/models:ro apus
# It listens on all addresses of the container, and so starts only with a key (APUS_API_KEY, or a file of keys that
# APUS_API_KEYS_FILE names) or with APUS_ALLOW_UNAUTHENTICATED=true.

FROM swift:6.3-bookworm AS build
RUN apt-get update \
    && apt-get install -y --no-install-recommends libssl-dev zlib1g-dev \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /apus
COPY . .
RUN swift build -c release --product apus --static-swift-stdlib -Xlinker -s \
    && cp "$(swift build -c release --show-bin-path)/apus" /usr/local/bin/apus

# The C and C++ runtime libraries of the same Debian, and nothing else: no shell, no package manager.
FROM gcr.io/distroless/cc-debian12
LABEL org.opencontainers.image.title="apus" \
      org.opencontainers.image.description="Runs language models on CPUs and speaks OpenAI's API" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /usr/local/bin/apus /usr/local/bin/apus
ENV APUS_MODELS=/models
USER 65532:65532
EXPOSE 8080
STOPSIGNAL SIGTERM
# Loading a large model takes a while: until then the container counts as starting. It asks where the environment and the
# configuration file let the server listen, be it HTTPS or a unix socket; options behind `serve` it does not see.
HEALTHCHECK --interval=10s --timeout=6s --start-period=5m --retries=3 CMD ["/usr/local/bin/apus", "healthcheck"]
ENTRYPOINT ["/usr/local/bin/apus"]
CMD ["serve", "--host", "0.0.0.0"]
