FROM python:3.13-slim AS build
RUN pip install --no-cache-dir --root-user-action=ignore "uv>=0.13,<0.14"
ENV UV_COMPILE_BYTECODE=1 UV_LINK_MODE=copy UV_PYTHON_DOWNLOADS=never
WORKDIR /srv/atrium
# Dependencies first: their layer stays as long as the lock does.
COPY pyproject.toml uv.lock ./
RUN uv sync --locked --no-dev --no-install-project
COPY README.md LICENSE ./
COPY app app
RUN uv sync --locked --no-dev --no-editable

FROM python:3.13-slim
RUN useradd --system --uid 10001 --no-create-home atrium && install -d -o atrium /srv/files
COPY --from=build /srv/atrium/.venv /srv/atrium/.venv
ENV PATH=/srv/atrium/.venv/bin:$PATH PYTHONUNBUFFERED=1 HOST=0.0.0.0 PORT=8000
WORKDIR /srv/atrium
USER atrium
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
  CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['PORT']}/livez\", timeout=2)"]
# SIGTERM drains; a kill is due no earlier than 30 seconds after it.
STOPSIGNAL SIGTERM
ENTRYPOINT ["atrium"]
CMD ["serve"]
