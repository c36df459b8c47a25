{# How scripts ask several servers at once; included by the start scripts. #}
cli={{ cli }}
password=$(cat {{ auth_file }}) || exit 1

# ask_sentinel HOST PORT: "EPOCH BUSY REPLICAS HOST PORT" of the primary it believes in, or nothing.
ask_sentinel() {
    printf 'AUTH {{ ops_user }} %s\nSENTINEL MASTER {{ service }}\n' "$password" |
        timeout 2 "$cli" -h "$1" -p "$2" 2>/dev/null | {
        read -r accepted && [ "$accepted" = OK ] || exit 0
        epoch='' host='' port='' replicas=0 busy=no
        while IFS= read -r key && IFS= read -r value; do
            case $key in
                ip) host=$value ;;
                port) port=$value ;;
                num-slaves) replicas=$value ;;
                config-epoch) epoch=$value ;;
                flags) case ",$value," in *,failover_in_progress,*) busy=yes ;; esac ;;
            esac
        done
        [ -z "$epoch" ] || echo "$epoch $busy $replicas $host $port"
    }
}

# All Sentinels side by side; one line each, in any order.
ask_sentinels() {
{% for peer in sentinels %}
    ask_sentinel {{ peer.address }} {{ peer.port }} &
{% endfor %}
    wait
}

# Sets count, busy, replicas and primary ("HOST PORT") from the answers: the highest epoch is right,
# because an epoch is given once, to the Sentinel that a majority elected.
weigh() {
    count=0 best=-1 busy=no replicas=0 primary=''
    while read -r epoch in_progress known host port; do
        [ -n "$epoch" ] || continue
        count=$((count + 1))
        [ "$in_progress" = no ] || busy=yes
        [ "$known" -le "$replicas" ] || replicas=$known
        if [ "$epoch" -gt "$best" ]; then
            best=$epoch
            primary="$host $port"
        fi
    done <<ANSWERS
$1
ANSWERS
}

pause() {
    sleep 0.3 2>/dev/null || sleep 1
}
