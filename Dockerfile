FROM python:3.11-slim

ENV PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1

WORKDIR /srv/notifications
COPY requirements.txt .
RUN pip install --only-binary :all: -r requirements.txt

COPY . .
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin notifications \
    && install -d -o notifications -g notifications -m 0700 /data
USER notifications

# Flower listens on the loopback interface only, where nobody outside the container could see it.
ENV HOST=0.0.0.0 PORT=8000 DATA_DIR=/data FLOWER_PORT=0
VOLUME /data
EXPOSE 8000

# Each part other than the API has a check of its own in compose.yaml, or none.
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/health/live\", timeout=4)"]

STOPSIGNAL SIGTERM
CMD ["python", "main.py"]
