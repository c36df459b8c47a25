#!/bin/sh
# Backups of {{ member }}. Written by opsctl.
#   scheduled            takes one if it is this member's turn, and forgets old ones
#   take KIND            takes one: asked, before-restore
#   list                 one JSON object a line: each backup, and last how scheduled ones went
#   verify NAME          loads it into a throw-away server and counts its keys
#   restore NAME         puts its content in place of the running server's, which must be primary
# A backup is NAME.rdb and NAME.json; NAME is the time in UTC and the member. What has no .json was
# brought here by somebody.
umask 077
{% include "redis/ask-servers.sh" %}

member='{{ member }}'
self='{{ address }} {{ port }}'
folder='{{ folder }}'
now() { date +%s; }

# What is said ends in journald or at opsctl, and in the notes for `opsctl status`.
say() { echo "$1"; }
fail() {
    echo "$1" >&2
    [ "$verb" != scheduled ] || note "$1"
    exit 1
}

scratch=''
tell() { printf 'AUTH {{ ops_user }} %s\n%s\n' "$password" "$1" | "$cli" -h "$server" -p {{ port }} 2>&1 | tr -d '\r'; }
tell_scratch() { printf 'AUTH {{ ops_user }} %s\n%s\n' "$password" "$1" | "$cli" -s s 2>&1 | tr -d '\r'; }
field() { printf '%s\n' "$1" | sed -n "s/^$2://p" | head -n 1; }
known() { sed -n "s/.*\"$2\": \"\{0,1\}\([^\",}]*\).*/\1/p" "$1" 2>/dev/null; }

# note WORDS: how the last scheduled one went; no words: well.
note() {
    success=$(known .last success)
    [ -n "$1" ] || success=$(now)
    words=$(printf '%s' "$1" | tr -d '\\"' | tr '[:cntrl:]' ' ')
    printf '{"success": %s, "tried": %s, "error": "%s"}\n' "${success:-0}" "$(now)" "$words" >.last.new &&
        mv .last.new .last
}

enter() {
    cd "$folder" || { echo "there is no folder $folder; opsctl apply makes it" >&2; exit 1; }
}

# One at a time: what an interrupted one left is nobody's then.
alone() {
    exec 9>.lock
    flock -w 600 9 || fail "another backup, verification or restore has been going on for 10 minutes"
    rm -rf .work-*
    work=.work-$$
    trap 'ended=$?; cleanup; exit $ended' EXIT
    trap 'exit 1' HUP INT TERM
    mkdir "$work" || exit 1
}

cleanup() {
    cd "$folder" || return
    if [ -n "$scratch" ]; then
        kill "$scratch" 2>/dev/null
        wait "$scratch" 2>/dev/null
    fi
    rm -rf "$work"
    publish
}

{% if tells %}
# newest FIELD: the largest of the good backups that were made here.
newest() {
    cat ./*-"$member".json 2>/dev/null | grep -v '"kind": "before-restore"' |
        sed -n "/\"damage\": \"\"/s/.*\"$1\": \([0-9]*\).*/\1/p" | sort -n | tail -n 1
}

gauge() {
    printf '# HELP opsctl_backup_%s %s\n# TYPE opsctl_backup_%s gauge\n' "$1" "$2" "$1"
    printf 'opsctl_backup_%s{of_service="{{ service }}",of_member="%s"} %s\n' "$1" "$member" "${3:-0}"
}

# For alerts. In place: the file is this user's, its folder is not.
publish() {
    [ -w '{{ tells }}' ] || return 0
    failed=''
    [ -z "$(known .last error)" ] || failed=1
    told=$(
        gauge made_timestamp_seconds 'When the newest good backup here was made; 0: there is none.' "$(newest time)"
        gauge verified_timestamp_seconds 'When one here was last loaded and counted; 0: never.' "$(newest verified)"
        gauge tried_timestamp_seconds 'When a scheduled one was last tried here; 0: never.' "$(known .last tried)"
        gauge failed 'The last scheduled one here failed.' "$failed"
    )
    printf '%s\n' "$told" >'{{ tells }}'
}
{% else %}
publish() { :; }
{% endif %}

# A scheduled backup is one member's: the first replica that has the data, else the primary.
is_my_turn() {
    primary=''
    for place in {% for peer in everybody %}'{{ peer.address }} {{ peer.port }}' {% endfor %}; do
        case $(ask ${place% *} ${place#* }) in
            primary*) [ "$place" != "$self" ] || primary=yes ;;
{% if prefer == "replica" %}
            copied*)
                [ "$place" = "$self" ]
                return
                ;;
{% endif %}
        esac
    done
    [ -n "$primary" ]
}

check_room() {
    needed=$1
    free=$(($(df -Pk . | awk 'NR == 2 { print $4 }') * 1024))
    [ "$free" -ge "$needed" ] || fail "no room for a backup: $folder has $((free >> 20)) MiB free and $member holds $((needed >> 20)) MiB"
}

take() {
    alone
    info=$(tell 'INFO')
    role=$(field "$info" role)
    held=$(field "$info" used_memory_dataset)
    [ -n "$role" ] && [ -n "$held" ] || fail "$member does not answer: $(printf '%s' "$info" | tail -n 1)"
    check_room $((held + 67108864))
    [ "$role" = master ] && role=primary || role=replica
    name=$(date -u +%Y%m%dT%H%M%SZ)-$member
    while [ -e "$name.rdb" ]; do
        sleep 1
        name=$(date -u +%Y%m%dT%H%M%SZ)-$member
    done
    began=$(now)
    printf '%s\n' "$password" |
        "$cli" -h "$server" -p {{ port }} --user {{ ops_user }} --askpass --rdb "$work/data.rdb" >"$work/said" 2>&1 ||
        fail "$member gave no snapshot: $(tail -n 1 "$work/said" | tr -d '\r')"
    {{ check }} "$work/data.rdb" >"$work/checked" 2>&1 ||
        fail "the snapshot of $member is damaged: $(grep -m 1 '^\[offset.*]' "$work/checked" | tail -n 1)"
    keys=$(sed -n 's/^\[info\] \([0-9]*\) keys read.*/\1/p' "$work/checked")
    [ -n "$keys" ] || fail "{{ check }} does not say how many keys the snapshot of $member has"
    offset=$(sed -n "s/.*AUX FIELD repl-offset = '\([0-9]*\)'.*/\1/p" "$work/checked")
    sync "$work/data.rdb" || fail "the snapshot of $member could not be written to the disk"
    sum=$(sha256sum <"$work/data.rdb") && sum=${sum%% *}
    bytes=$(wc -c <"$work/data.rdb")
    version=$(field "$info" {{ version_field }})
    printf '{"name": "%s", "member": "%s", "time": %s, "kind": "%s", "keys": %s, "bytes": %s, "sha256": "%s", "offset": %s, "role": "%s", "version": "%s", "memory": %s, "verified": 0, "damage": ""}\n' \
        "$name" "$member" "$began" "$1" "$keys" "$bytes" "$sum" "${offset:-0}" "$role" "$version" "$held" >"$work/about" &&
        sync "$work/about" && mv "$work/data.rdb" "$name.rdb" && mv "$work/about" "$name.json" && sync . ||
        fail "the backup of $member could not be put in place"
    say "backup $name: $keys keys, $bytes bytes, of the $role"
    flock -u 9
{% if after %}
    OPSCTL_BACKUP="$folder/$name.rdb" {{ after }} 9>&- || fail "backup $name was made, but its after command failed with exit code $?"
{% endif %}
}

# Older than `keep` and not the newest good one; what a restore put aside stands for no backup.
forget_old() {
    cut=$(date -u -d "@$(($(now) - {{ keep }}))" +%Y%m%dT%H%M%SZ)
    newest=''
    for about in *-"$member".json; do
        [ -e "${about%.json}.rdb" ] && [ -z "$(known "$about" damage)" ] || continue
        [ "$(known "$about" kind)" = before-restore ] || newest=${about%.json}
    done
    for about in *-"$member".json; do
        name=${about%.json}
        [ "$name" != "$newest" ] && [ -e "$about" ] || continue
        if printf '%s %s\n' "${name%%-*}" "$cut" | awk '{ exit !(("" $1) < ("" $2)) }'; then
            rm -f "$name.json" "$name.rdb"
            say "backup $name is older than {{ keep_words }}: removed"
        fi
    done
}

list() {
    for file in *.rdb; do
        [ -e "$file" ] || continue
        if [ -s "${file%.rdb}.json" ]; then
            cat "${file%.rdb}.json"
        else
            printf '{"name": "%s", "member": "%s", "time": %s, "kind": "brought", "bytes": %s}\n' \
                "$(printf '%s' "${file%.rdb}" | tr -d '\\"')" "$member" "$(date -r "$file" +%s)" "$(wc -c <"$file")"
        fi
    done
    if [ -s .last ]; then cat .last; fi
}

# Whole as when it was made: 0. Else says why not.
check_file() {
    [ -f "$1.rdb" ] || fail "there is no backup $1 in $folder"
    sum=$(known "$1.json" sha256)
    found=$(sha256sum <"$1.rdb")
    [ -z "$sum" ] || [ "$sum" = "${found%% *}" ] || damaged "$1" "its content is not what was written"
    {{ check }} "$1.rdb" >"$work/checked" 2>&1 || damaged "$1" "{{ check }} refuses it"
    keys=$(sed -n 's/^\[info\] \([0-9]*\) keys read.*/\1/p' "$work/checked")
    wanted=$(known "$1.json" keys)
    [ -z "$wanted" ] || [ "$keys" = "$wanted" ] || damaged "$1" "it has $keys keys, not $wanted"
    memory=$(sed -n "s/.*AUX FIELD used-mem = '\([0-9]*\)'.*/\1/p" "$work/checked")
    free=$(($(awk '$1 == "MemAvailable:" { print $2 }' /proc/meminfo) * 1024))
    [ "$free" -gt "${memory:-0}" ] || fail "no memory to load $1: it needs $((memory >> 20)) MiB and $((free >> 20)) MiB are free"
}

damaged() {
    mark "$1" damage "\"$2\""
    fail "backup $1 is damaged: $2"
}

mark() {
    [ -e "$1.json" ] || return
    # A text may hold commas.
    sed -e "s/\"$2\": \"[^\"]*\"/\"$2\": $3/;t" -e "s/\"$2\": [^,}]*/\"$2\": $3/" "$1.json" >"$work/about" && mv "$work/about" "$1.json"
}

# serve NAME OPTIONS: a throw-away server with its content, alone in its folder, at the socket "s".
serve() {
    file=$folder/$1.rdb
    shift
    cd "$folder/$work" || exit 1
    ln -s "$file" data.rdb
    nice -n 10 {{ server }} --dir . --dbfilename data.rdb --save '' --appendonly no --daemonize no \
        --unixsocket s --unixsocketperm 700 --aclfile {{ config_dir }}/users.acl \
        --repl-diskless-sync-delay 0 --logfile log "$@" </dev/null >/dev/null 2>&1 9>&- &
    scratch=$!
    while kill -0 "$scratch" 2>/dev/null; do
        [ "$(field "$(tell_scratch 'INFO persistence')" loading)" != 0 ] || return 0
        sleep 0.2 2>/dev/null || sleep 1
    done
    scratch=''
    return 1
}

verify() {
    alone
    check_file "$1"
    serve "$1" --port 0 || damaged_in_server "$1"
    info=$(tell_scratch 'INFO persistence')
    loaded=$(field "$info" rdb_last_load_keys_loaded) expired=$(field "$info" rdb_last_load_keys_expired)
    cd "$folder" || exit 1
    [ $((loaded + expired)) -eq "$keys" ] || damaged "$1" "of $keys keys $((loaded + expired)) could be loaded"
    mark "$1" damage '""'
    mark "$1" verified "$(now)"
    say "backup $1 is good: $loaded keys loaded, $expired had run out"
}

damaged_in_server() {
    words=$(tail -n 1 log)
    cd "$folder" || exit 1
    damaged "$1" "a server does not load it: $(printf '%s' "$words" | tr -d '\\"&/,{}')"
}

# The running server copies from the throw-away one as a replica does, so it never stops, and its own
# replicas, its AOF and its snapshot follow by the server's own means.
restore() {
    alone
    info=$(tell 'INFO replication')
    case $(field "$info" role)$(field "$info" master_host) in
        master | slave127.0.0.1) ;;
        *) fail "$member is not primary: $(printf '%s' "$info" | tail -n 1)" ;;
    esac
    check_file "$1"
    deadline=$(($(now) + {{ patience }}))
    try=0
    until serve "$1" --bind 127.0.0.1 --port $((port = 20000 + ($$ + try * 997) % 12000)); do
        grep -q 'Address already in use' log && [ "$try" -lt 20 ] || damaged_in_server "$1"
        try=$((try + 1))
        rm -f s log data.rdb
    done
    said=$(tell "REPLICAOF 127.0.0.1 $port")
    info=''
    until [ "$(field "$info" master_port)$(field "$info" master_link_status)" = "${port}up" ] &&
        [ "$(field "$info" master_sync_in_progress)" = 0 ]; do
        kill -0 "$scratch" 2>/dev/null || fail "the throw-away server ended: $(tail -n 1 log); run the restore again"
        [ "$(now)" -lt "$deadline" ] || fail "$member did not copy $1 in time: $said; run the restore again"
        sleep 0.2 2>/dev/null || sleep 1
        info=$(tell 'INFO replication')
    done
    # As primary again only once its own files have it: a crash before that would bring back the old.
    info=''
    until [ "$(field "$info" loading)$(field "$info" aof_rewrite_in_progress)$(field "$info" aof_rewrite_scheduled)" = 000 ]; do
        [ "$(now)" -lt "$deadline" ] || fail "$member did not write $1 to its own files in time; run the restore again"
        sleep 0.2 2>/dev/null || sleep 1
        info=$(tell 'INFO persistence')
    done
    [ "$(field "$info" aof_enabled)$(field "$info" aof_last_bgrewrite_status)" != 1err ] ||
        fail "$member could not write $1 to its own files; run the restore again"
    said=$(tell 'REPLICAOF NO ONE')
    case $said in
        OK*OK*) say "backup $1 is in place: $keys keys" ;;
        *) fail "$member does not become primary again: $said" ;;
    esac
}

verb=$1
# What is asked for is done where the server's loopback is; what is scheduled, maybe beside it.
server=127.0.0.1
[ "$verb" != scheduled ] || server={{ address }}
enter
case $verb in
    scheduled)
        forget_old
        if ! is_my_turn; then
            publish
            exit 0
        fi
        take scheduled
        forget_old
        note ''
        ;;
    take) take "$2" ;;
    list) list ;;
    verify) verify "$2" ;;
    restore) restore "$2" ;;
    *) exit 2 ;;
esac
