FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/tasuki
COPY requirements.txt .
RUN /opt/tasuki/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml README.md ./
COPY app app
COPY connectors connectors
COPY migrations migrations
RUN /opt/tasuki/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/tasuki/bin/pip uninstall -y pip setuptools

FROM python:3.13-slim
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/tasuki tasuki
COPY --from=build /opt/tasuki /opt/tasuki
USER tasuki
WORKDIR /var/lib/tasuki
ENV PATH=/opt/tasuki/bin:$PATH PYTHONUNBUFFERED=1 TASUKI_HOST=0.0.0.0 TASUKI_DATA_DIR=/var/lib/tasuki/data
VOLUME /var/lib/tasuki/data
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/health/ready', timeout=4)"]
CMD ["tasuki", "serve"]
