# The command lm_eval as an image; docs/docker.md shows how to use it.
FROM python:3.12.11-slim-bookworm AS build

# Extras of the package, in brackets.
ARG EXTRAS="[metrics,tasks,speed,images,hub,prometheus]"
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY lm_eval lm_eval
RUN python -m venv /opt/lm_eval \
    && /opt/lm_eval/bin/pip install --no-cache-dir --disable-pip-version-check ".${EXTRAS}"

FROM python:3.12.11-slim-bookworm

LABEL org.opencontainers.image.title="lm_eval" \
      org.opencontainers.image.description="Evaluate language models behind OpenAI-compatible APIs." \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/lm_eval /opt/lm_eval
# The folder of results and the cache of datasets belong to the user, so that they can be written without root.
RUN useradd --create-home --uid 1000 lm_eval \
    && install --directory --owner=lm_eval --group=lm_eval /work
ENV PATH=/opt/lm_eval/bin:$PATH \
    PYTHONUNBUFFERED=1
USER 1000:1000
WORKDIR /work
ENTRYPOINT ["lm_eval"]
CMD ["--help"]
