# The daemon and all commands, as an unprivileged user. The root file system may be read-only: data is written to
# /var/lib/spillwatch (a volume) and /tmp (a tmpfs), the configuration is read from /etc/spillwatch.
FROM python:3.13-slim-trixie AS build
WORKDIR /src
# The same script as in the Makefile makes the environment. Dependencies come first: they change less often than code.
COPY setup setup
# The native scanner is compiled here; the final image has no compiler.
RUN setup/apt-install.sh gcc libc6-dev
COPY requirements.lock ./
RUN setup/install.sh /opt/spillwatch requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY text text
COPY network network
COPY storage storage
COPY crawler crawler
COPY matching matching
COPY alerts alerts
COPY configuration configuration
COPY daemon daemon
COPY web web
COPY demo demo
COPY cli cli
RUN setup/install.sh /opt/spillwatch requirements.lock .

FROM python:3.13-slim-trixie
# RAR and CAB archives are read by the system's libarchive.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libarchive13t64 \
    && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 spillwatch \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/spillwatch --shell /usr/sbin/nologin spillwatch \
    && install --directory --owner spillwatch --group spillwatch --mode 0700 /var/lib/spillwatch \
    && install --directory /etc/spillwatch
COPY --from=build /opt/spillwatch /opt/spillwatch
ENV PATH=/opt/spillwatch/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SPILLWATCH_STORAGE__DATABASE_URL=sqlite:////var/lib/spillwatch/spillwatch.db \
    SPILLWATCH_STORAGE__EVIDENCE_DIR=/var/lib/spillwatch/evidence \
    SPILLWATCH_MATCHING__SEGMENTS_DIR=/var/lib/spillwatch/segments
USER 10001:10001
WORKDIR /var/lib/spillwatch
VOLUME /var/lib/spillwatch
# Asks the daemon's /healthz, which touches the database.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 CMD ["spillwatch", "doctor", "--only", "daemon"]
ENTRYPOINT ["spillwatch"]
CMD ["run"]
