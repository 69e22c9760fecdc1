# What the images of Parley stand on, made of Debian's packages and of the programs that `./run up` has,
# under the tags that they have in a registry: for a machine that reaches none.
FROM parley-stand-in-debian:latest AS debian
COPY ca-certificates.crt /etc/ssl/certs/ca-certificates.crt

FROM debian AS python
RUN ln -s /usr/bin/python3 /usr/local/bin/python \
    && rm /usr/lib/python3*/EXTERNALLY-MANAGED \
    && pip=$(echo /usr/share/python-wheels/pip-*.whl) \
    && python $pip/pip install --no-index --no-cache-dir --root-user-action ignore $pip

FROM debian AS node
COPY node /usr/local/lib/node
ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt
RUN ln -s /usr/local/lib/node/bin/node /usr/local/bin/node \
    && npm=/usr/local/lib/node/lib/node_modules/npm/bin/npm-cli.js \
    && printf '#!/bin/sh\nexec node %s "$@"\n' "$npm" >/usr/local/bin/npm \
    && chmod 755 /usr/local/bin/npm

FROM debian AS caddy
COPY caddy /usr/bin/caddy
RUN setcap cap_net_bind_service=+ep /usr/bin/caddy && mkdir -p /config /data
ENV XDG_CONFIG_HOME=/config \
    XDG_DATA_HOME=/data
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]

FROM debian AS redis
RUN usermod --uid 999 redis && groupmod --gid 1000 redis \
    && install -d -o redis -g redis /data
VOLUME /data
WORKDIR /data

FROM debian AS livekit
COPY livekit-server /livekit-server
ENTRYPOINT ["/livekit-server"]

FROM debian AS postgres
RUN mkdir -p /etc/postgresql-common \
    && echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.conf \
    && apt-get update \
    && apt-get install -y --no-install-recommends postgresql \
    && rm -rf /var/lib/apt/lists/* \
    && usermod --uid 70 postgres && groupmod --gid 70 postgres \
    && ln -sf /usr/lib/postgresql/*/bin/* /usr/local/bin/ \
    && install -d -o postgres -g postgres -m 0700 /var/lib/postgresql/data
COPY stand_in_postgres.sh /usr/local/bin/stand_in_postgres.sh
ENTRYPOINT ["sh", "/usr/local/bin/stand_in_postgres.sh"]
