# One image for every process of Saadik; which one a container is says its command (docker-compose.yml).
# TypeScript runs as it is: nothing is built, and what is in the image is what is in the repository.
FROM node:26-slim AS packages
WORKDIR /saadik
COPY package.json package-lock.json ./
# The image has the Node that the lock file would bring along as an optional dependency.
RUN npm ci --omit=dev --omit=optional --no-audit --no-fund

FROM node:26-slim
ENV NODE_ENV=production NODE_NO_WARNINGS=1 NODE_COMPILE_CACHE=/tmp/node-compile-cache SAADIK_RUNTIME_DIRECTORY=/run/saadik
# Not root, and nothing of the program is writable to the one who runs it. State and sockets are volumes; a new volume takes
# owner and mode of the folder that it is mounted on, so the folders are here.
RUN groupadd --gid 10001 saadik && useradd --uid 10001 --gid saadik --no-create-home --shell /usr/sbin/nologin saadik \
 && install -d -o saadik -g saadik -m 0700 /state /run/saadik /state/population-register /state/land-register \
 && for name in pki central-server interior customs embassy; do for part in '' /signer /run /data; do \
      install -d -o saadik -g saadik -m 0700 "/state/$name$part"; done; done
WORKDIR /saadik
COPY --from=packages /saadik/node_modules ./node_modules
COPY package.json LICENSE README.md SECURITY.md ./
COPY bin ./bin
COPY trust ./trust
COPY protocol ./protocol
COPY evidence ./evidence
COPY host ./host
COPY transparency ./transparency
COPY verification ./verification
COPY continuity ./continuity
COPY signer ./signer
COPY transparent-log ./transparent-log
COPY global-configuration ./global-configuration
COPY pki ./pki
COPY central-server ./central-server
COPY security-server ./security-server
COPY data-embassy ./data-embassy
COPY client ./client
COPY cli ./cli
COPY demo ./demo
USER saadik
VOLUME ["/state", "/run/saadik"]
# Overridden by each service that has an address of its own; by itself the image only says what it can do.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD ["node", "bin/healthcheck.js"]
ENTRYPOINT ["node"]
CMD ["cli/main.ts", "--help"]
