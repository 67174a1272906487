# Postern for linux/amd64 and linux/arm64. Everything is built in the first stage; the second holds what runs, no shell,
# no package manager. A test runs the build steps and starts what the second stage holds.

FROM node:24.21.0-bookworm AS build
WORKDIR /app
COPY package.json package-lock.json ./
# No package's own script is run: all of ours ship what they need.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY bin ./bin
COPY prisma ./prisma
COPY src ./src
COPY views ./views
COPY tsconfig.json tsconfig.build.json ./
RUN node bin/prepare.mjs build
# The package's own build of argon2 runs on every CPU. This one takes half the time, where the CPU can run it.
RUN mkdir -p argon2 && if [ "$(uname -m)" = x86_64 ]; then node bin/build-argon2.mjs --march x86-64-v3 --out argon2/x86-64-v3; fi
# Only what runs: the image brings Node.js itself, so the pinned ones (optional packages) are left out too.
RUN npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund
RUN mkdir -p data

FROM gcr.io/distroless/nodejs24-debian12:nonroot
WORKDIR /app
COPY --from=build /app/package.json ./
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/argon2 ./argon2
COPY --from=build /app/dist ./dist
COPY --from=build /app/prisma/engines ./prisma/engines
COPY bin/choose-argon2.mjs ./bin/
COPY views ./views
COPY public ./public
COPY LICENSE ./
COPY --from=build --chown=65532:65532 /app/data /data
# What glibc is told is said in bin/set-up/runtime.mjs.
ENV NODE_ENV=production \
    GLIBC_TUNABLES=glibc.malloc.arena_max=1:glibc.malloc.hugetlb=1 \
    PATH=/nodejs/bin:/usr/local/bin:/usr/bin:/bin \
    POSTERN_HOST=0.0.0.0 \
    POSTERN_MANAGEMENT_HOST=0.0.0.0 \
    POSTERN_DATA_DIR=/data
USER 65532:65532
VOLUME /data
EXPOSE 8080 9000
HEALTHCHECK --interval=30s --timeout=6s --start-period=60s --retries=3 CMD ["node", "dist/cli.js", "healthcheck"]
ENTRYPOINT ["node", "--max-semi-space-size=16", "--import", "./bin/choose-argon2.mjs"]
CMD ["dist/main.js"]
