{# How scripts ask the other servers at once, where there is no Sentinel. #}
cli={{ cli }}
password=$(cat {{ auth_file }}) || exit 1

# ask HOST PORT: "primary HOST PORT"; or "follows", or once it has copied anything "copied", and the
# HOST PORT that it replicates from; or nothing.
ask() {
    printf 'AUTH {{ ops_user }} %s\nROLE\n' "$password" |
        timeout 2 "$cli" -h "$1" -p "$2" 2>/dev/null | {
        read -r accepted && [ "$accepted" = OK ] && read -r role || exit 0
        case $role in
            master) echo "primary $1 $2" ;;
            slave)
                read -r host && read -r port && read -r _ && read -r offset || exit 0
                [ "$offset" -gt 1 ] && echo "copied $host $port" || echo "follows $host $port"
                ;;
        esac
    }
}

ask_all() {
{% for peer in peers %}
    ask {{ peer.address }} {{ peer.port }} &
{% endfor %}
    wait
}
