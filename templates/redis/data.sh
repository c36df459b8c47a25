{# Whether this server will find data when it starts; included by the start scripts. #}
# Sets empty: what the server will find. With an AOF it never looks at dump.rdb, which may be a copy
# that it once took from a primary.
look_for_data() {
    empty=yes
{% if persistence == "none" %}
    # Without persistence a dump.rdb is a left-over, and the server would load it.
    [ ! -e {{ data_dir }}/dump.rdb ] || mv {{ data_dir }}/dump.rdb {{ data_dir }}/dump.rdb.unused
{% elif persistence == "rdb" %}
    [ ! -s {{ data_dir }}/dump.rdb ] || empty=no
{% else %}
    for file in {{ data_dir }}/appendonlydir/*.manifest; do
        [ ! -s "$file" ] || empty=no
    done
{% endif %}
}

# A primary that would start empty beside its own snapshot: turning the AOF on does that.
check_snapshot() {
{% if persistence == "aof" %}
    if [ "$empty" = yes ] && [ -s {{ data_dir }}/dump.rdb ]; then
        echo "{{ member }} does not start: it would be primary without data, for there is no AOF." >&2
        echo "Its snapshot {{ data_dir }}/dump.rdb is read with persistence: rdb; or move it away." >&2
        exit 1
    fi
{% endif %}
    :
}
