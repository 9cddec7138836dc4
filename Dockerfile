# One image for the collector, the detectors, the alerts and the dashboards: the command chooses.
FROM python:3.12-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/leeway
WORKDIR /src
COPY requirements/runtime.txt requirements/build.txt requirements/
RUN /opt/leeway/bin/pip install --require-hashes -r requirements/runtime.txt -r requirements/build.txt
COPY pyproject.toml README.md LICENSE ./
COPY requirements/runtime.in requirements/
COPY leeway leeway
RUN /opt/leeway/bin/pip install --no-deps --no-build-isolation . \
    && /opt/leeway/bin/pip uninstall --yes setuptools

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --create-home leeway && install -d -o leeway -g leeway /var/lib/leeway
COPY --from=build /opt/leeway /opt/leeway
ENV PATH=/opt/leeway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    LEEWAY_HOST=0.0.0.0 \
    LEEWAY_DATA=/var/lib/leeway \
    LEEWAY_RULES=/etc/leeway/rules.yaml \
    LEEWAY_RETENTION=/etc/leeway/retention.toml \
    HEALTH_URL=http://127.0.0.1:4318/healthz
USER leeway
WORKDIR /var/lib/leeway
VOLUME /var/lib/leeway
EXPOSE 4317 4318 4320 4321 8501
# docker-compose.yml sets HEALTH_URL for each component.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["leeway"]
CMD ["--help"]
