# Two images: the operator, and the trainer of its pods.
#
#   docker build --target operator -t cft-operator:0.1.0 .
#   docker build --target trainer  -t cft-trainer:0.1.0 .                              with CUDA, for GPU nodes
#   docker build --target trainer  -t cft-trainer:0.1.0-cpu --build-arg TENSORFLOW=cpu .
#
# What goes into them is said in scripts/images/contents.ts, for this file and for archives that are made without a container builder.
ARG NODE_IMAGE=docker.io/library/node:24.11.1-bookworm-slim
ARG BASE_IMAGE=docker.io/library/debian:12.12-slim

FROM ${NODE_IMAGE} AS packages
WORKDIR /src
COPY package.json package-lock.json .npmrc ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM packages AS operator-files
COPY . .
RUN node scripts/images/main.ts lay-out operator /image

FROM packages AS tensorflow
ARG TENSORFLOW=gpu
RUN apt-get update \
  && apt-get install -y --no-install-recommends g++ python3-pip \
  && rm -rf /var/lib/apt/lists/*
# Alone, so that a change of other sources does not download TensorFlow again.
COPY scripts/setup.mjs scripts/
COPY scripts/setup scripts/setup
COPY trainer/tensor trainer/tensor
COPY trainer/kernels trainer/kernels
COPY crds crds
COPY bin bin
RUN NODE_ENV=production CFT_TENSORFLOW=${TENSORFLOW} node scripts/setup.mjs

FROM tensorflow AS trainer-files
COPY . .
RUN node scripts/images/main.ts lay-out trainer /image

FROM ${BASE_IMAGE} AS operator
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="cft-operator" \
  org.opencontainers.image.description="Kubernetes operator for Critical Token Fine-tuning" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}"
COPY --from=operator-files /image/packages /
COPY --from=operator-files /image/project /
ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp NODE_ENV=production
USER 65532:65532
WORKDIR /opt/cft
EXPOSE 8080
STOPSIGNAL SIGTERM
ENTRYPOINT ["node", "--max-semi-space-size=4", "--max-old-space-size=256", "/opt/cft/operator/main.ts"]

FROM ${BASE_IMAGE} AS trainer
ARG VERSION=0.1.0
LABEL org.opencontainers.image.title="cft-trainer" \
  org.opencontainers.image.description="Stages of Critical Token Fine-tuning: generate, annotate, train, evaluate, report" \
  org.opencontainers.image.licenses="Apache-2.0" \
  org.opencontainers.image.version="${VERSION}"
COPY --from=trainer-files /image/packages /
COPY --from=trainer-files /image/project /
# The second is for NVIDIA's container runtime: which parts of the driver it puts into the container.
ENV PATH=/usr/local/bin:/usr/bin:/bin HOME=/tmp NODE_ENV=production \
  NVIDIA_DRIVER_CAPABILITIES=compute,utility
USER 65532:65532
WORKDIR /storage
EXPOSE 9090
STOPSIGNAL SIGTERM
ENTRYPOINT ["cft"]
CMD ["--help"]
