"""Native settings of Redis 7.0 to 8.x and Valkey 8, as data.

Columns: name | kind | effect | default | availability. Taken from CONFIG GET * and from what CONFIG
SET refuses as immutable, on redis 7.0.15, redis 8.0.2 and valkey 8.1.1.

kind: bool, int, memory (bytes, with k kb m mb g gb), share (memory or a percentage), text, save,
buffers, events, words (several arguments), or else the values that are allowed. effect: live |
restart. default: as CONFIG GET shows it; ? where versions differ: such a setting is compared only
when the spec names it. availability: empty for all; r7.2 since Redis 7.2 and every Valkey; redis
every Redis; redis7 and redis8 only Redis before or since 8.0; v8 only Valkey.
"""

from __future__ import annotations

TABLE = """
acl-pubsub-default|allchannels resetchannels|live|resetchannels|
acllog-max-len|int|live|128|
active-defrag-cycle-max|int|live|25|
active-defrag-cycle-min|int|live|1|
active-defrag-cycle-us|int|live|500|v8
active-defrag-ignore-bytes|memory|live|104857600|
active-defrag-max-scan-fields|int|live|1000|
active-defrag-threshold-lower|int|live|10|
active-defrag-threshold-upper|int|live|100|
active-expire-effort|int|live|1|
activedefrag|bool|live|no|
activerehashing|bool|live|yes|
always-show-logo|bool|restart|no|
aof-load-truncated|bool|live|yes|
aof-rewrite-incremental-fsync|bool|live|yes|
aof-timestamp-enabled|bool|live|no|
aof-use-rdb-preamble|bool|live|yes|
aof_rewrite_cpulist|text|restart||
appendfsync|always everysec no|live|everysec|
auto-aof-rewrite-min-size|memory|live|67108864|
auto-aof-rewrite-percentage|int|live|100|
bgsave_cpulist|text|restart||
bio_cpulist|text|restart||
busy-reply-threshold|int|live|5000|
client-output-buffer-limit|buffers|live|normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60|
client-query-buffer-limit|memory|live|1073741824|
commandlog-execution-slower-than|int|live|10000|v8
commandlog-large-reply-max-len|int|live|128|v8
commandlog-large-request-max-len|int|live|128|v8
commandlog-reply-larger-than|int|live|1048576|v8
commandlog-request-larger-than|int|live|1048576|v8
commandlog-slow-execution-max-len|int|live|128|v8
crash-log-enabled|bool|live|yes|
crash-memcheck-enabled|bool|live|yes|
databases|int|restart|16|
disable-thp|bool|restart|yes|
dual-channel-replication-enabled|bool|live|no|v8
dynamic-hz|bool|live|yes|redis
hash-max-listpack-entries|int|live|512|
hash-max-listpack-value|memory|live|64|
hide-user-data-from-log|bool|live|?|redis8 v8
hll-sparse-max-bytes|memory|live|3000|
hz|int|live|10|
ignore-warnings|text|live||
io-threads|int|restart|1|
io-threads-do-reads|bool|restart|no|redis7
jemalloc-bg-thread|bool|live|yes|
latency-monitor-threshold|int|live|0|
latency-tracking|bool|live|yes|
latency-tracking-info-percentiles|words|live|50 99 99.9|
lazyfree-lazy-eviction|bool|live|?|
lazyfree-lazy-expire|bool|live|?|
lazyfree-lazy-server-del|bool|live|?|
lazyfree-lazy-user-del|bool|live|?|
lazyfree-lazy-user-flush|bool|live|?|
lfu-decay-time|int|live|1|
lfu-log-factor|int|live|10|
list-compress-depth|int|live|0|
list-max-listpack-size|int|live|-2|
locale-collate|text|live||r7.2
log-format|legacy logfmt|live|legacy|v8
log-timestamp-format|legacy iso8601 milliseconds|live|legacy|v8
loglevel|debug verbose notice warning nothing|live|notice|
lua-time-limit|int|live|5000|
max-new-connections-per-cycle|int|live|10|redis8 v8
maxclients|int|live|10000|
maxmemory-clients|share|live|0|
maxmemory-eviction-tenacity|int|live|10|
maxmemory-policy|volatile-lru volatile-lfu volatile-random volatile-ttl allkeys-lru allkeys-lfu allkeys-random noeviction|live|noeviction|
maxmemory-samples|int|live|5|
min-replicas-max-lag|int|live|10|
no-appendfsync-on-rewrite|bool|live|no|
notify-keyspace-events|events|live||
oom-score-adj|no yes relative absolute|live|no|
oom-score-adj-values|words|live|0 200 800|
prefetch-batch-max-size|int|live|16|v8
proc-title-template|text|live|{title} {listen-addr} {server-mode}|
propagation-error-behavior|ignore panic panic-on-replicas|live|ignore|
proto-max-bulk-len|memory|live|536870912|
rdb-del-sync-files|bool|live|no|
rdb-save-incremental-fsync|bool|live|yes|
rdb-version-check|strict relaxed|live|strict|v8
rdbchecksum|bool|restart|yes|
rdbcompression|bool|live|yes|
repl-backlog-size|memory|live|?|
repl-backlog-ttl|int|live|3600|
repl-disable-tcp-nodelay|bool|live|no|
repl-diskless-load|disabled on-empty-db swapdb flush-before-load|live|disabled|
repl-diskless-sync|bool|live|yes|
repl-diskless-sync-delay|int|live|5|
repl-diskless-sync-max-replicas|int|live|0|
repl-ping-replica-period|int|live|10|
repl-timeout|int|live|60|
replica-full-sync-buffer-limit|memory|live|0|redis8
replica-ignore-disk-write-errors|bool|live|no|
replica-ignore-maxmemory|bool|live|yes|
replica-lazy-flush|bool|live|?|
replica-serve-stale-data|bool|live|yes|
sanitize-dump-payload|no yes clients|live|no|
save|save|live|?|
server_cpulist|text|restart||
set-max-intset-entries|int|live|512|
set-max-listpack-entries|int|live|128|r7.2
set-max-listpack-value|memory|live|64|r7.2
set-proc-title|bool|restart|yes|
shutdown-on-sigint|words|live|default|
shutdown-timeout|int|live|10|
slowlog-log-slower-than|int|live|10000|
slowlog-max-len|int|live|128|
stop-writes-on-bgsave-error|bool|live|yes|
stream-node-max-bytes|memory|live|4096|
stream-node-max-entries|int|live|100|
tcp-backlog|int|restart|511|
tcp-keepalive|int|live|300|
timeout|int|live|0|
tracking-table-max-keys|int|live|1000000|
zset-max-listpack-entries|int|live|128|
zset-max-listpack-value|memory|live|64|
"""  # noqa: E501

_FILES = "opsctl lays out the member's files itself; storage.path moves the data"
_LISTEN = "opsctl decides where it listens"
_PROCESS = "the target supervises the process and keeps its log"
_AUTH = "write users: [{name: ..., keys: ..., commands: ...}]"
_REPLICATION = "opsctl and Sentinel decide who follows whom"
_CLUSTER = "cluster mode is not offered"
_TLS = "TLS is not offered by this version"
_RISKY = "it opens a way round access control"

MANAGED = {
    "port": "write port: beside settings",
    "bind": _LISTEN,
    "bind-source-addr": _LISTEN,
    "protected-mode": _LISTEN,
    "socket-mark-id": _LISTEN,
    "unixsocket": _LISTEN,
    "unixsocketperm": _LISTEN,
    "dir": _FILES,
    "dbfilename": _FILES,
    "appendfilename": _FILES,
    "appenddirname": _FILES,
    "include": _FILES,
    "pidfile": _PROCESS,
    "daemonize": _PROCESS,
    "supervised": _PROCESS,
    "logfile": _PROCESS,
    "syslog-enabled": _PROCESS,
    "syslog-ident": _PROCESS,
    "syslog-facility": _PROCESS,
    "shutdown-on-sigterm": _PROCESS,
    "requirepass": _AUTH,
    "aclfile": _AUTH,
    "user": _AUTH,
    "rename-command": "write users: [{commands: ...}] to keep a command from people",
    "masterauth": _REPLICATION,
    "masteruser": _REPLICATION,
    "replicaof": _REPLICATION,
    "slaveof": _REPLICATION,
    "replica-announce-ip": _REPLICATION,
    "replica-announce-port": _REPLICATION,
    "replica-announced": _REPLICATION,
    "replica-priority": _REPLICATION,
    "replica-read-only": _REPLICATION,
    "min-replicas-to-write": "write min_replicas_to_write: beside settings",
    "maxmemory": "write memory: beside settings",
    "appendonly": "write persistence: aof, rdb or none beside settings",
    "loadmodule": "modules are not offered by this version",
    "enable-debug-command": _RISKY,
    "enable-module-command": _RISKY,
    "enable-protected-configs": _RISKY,
    **dict.fromkeys(
        (
            "cluster-enabled", "cluster-config-file", "cluster-node-timeout", "cluster-port",
            "cluster-announce-ip", "cluster-announce-port", "cluster-announce-bus-port",
            "cluster-announce-hostname", "cluster-migration-barrier",
            "cluster-require-full-coverage", "cluster-replica-no-failover",
            "cluster-allow-reads-when-down",
        ),
        _CLUSTER,
    ),
    **dict.fromkeys(
        (
            "tls-port", "tls-cert-file", "tls-key-file", "tls-key-file-pass", "tls-ca-cert-file",
            "tls-ca-cert-dir", "tls-auth-clients", "tls-replication", "tls-cluster",
            "tls-protocols", "tls-ciphers", "tls-ciphersuites", "tls-session-caching",
            "tls-dh-params-file", "tls-client-cert-file", "tls-client-key-file",
            "tls-prefer-server-ciphers", "tls-session-cache-size", "tls-session-cache-timeout",
        ),
        _TLS,
    ),
}  # fmt: skip
"""Settings that are opsctl's own, each with what to write instead."""
