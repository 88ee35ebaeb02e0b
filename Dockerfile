# The book with its environment:
#   docker build --tag octmnist . && docker run --rm --volume octmnist:/book/runs octmnist
# The base is named by its tag, which moves with Python's and Debian's patches.
FROM python:3.12-slim-bookworm

# Git tells a run which commit it is of.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git make \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 1000 reader \
    && install --directory --owner=1000 --group=1000 /book /book/runs

USER 1000
WORKDIR /book
COPY --chown=1000:1000 . .
RUN make environment

CMD ["make", "book"]
