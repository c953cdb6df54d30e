# The engine with torch for the CPU, as an unprivileged user, its database and models on the volume /data.
# Build and run: docs/operating.md; `docker compose up --build --detach`.
FROM python:3.11-slim-bookworm AS build
COPY . /src
# The tested versions, by their hashes. The second index has torch without CUDA, 2.13.0+cpu, which
# pip prefers as the higher version.
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --require-hashes --requirement /src/requirements.lock \
    && /venv/bin/pip install --no-cache-dir \
        --extra-index-url https://download.pytorch.org/whl/cpu \
        /src

FROM python:3.11-slim-bookworm
# libgomp1: not included in the wheel of lightgbm.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends libgomp1 \
    && rm -rf /var/lib/apt/lists/* \
    && groupadd --gid 10001 crypto \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin crypto \
    && install --directory --owner=crypto --group=crypto --mode=0750 /data
COPY --from=build /venv /venv
# Compiled kernels are valid for one version only, so they are not kept on the volume.
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    OMP_NUM_THREADS=1 \
    OMP_WAIT_POLICY=PASSIVE \
    NUMBA_CACHE_DIR=/tmp/numba \
    MPLCONFIGDIR=/tmp/matplotlib \
    CRYPTO_BOT_DATABASE_URL=sqlite:////data/crypto_bot.db
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# /healthz needs no token; it is 503 until the first signals, which need the first download of candles.
HEALTHCHECK --interval=30s --timeout=5s --start-period=15m --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["crypto-bot"]
CMD ["run", "--host", "0.0.0.0"]
