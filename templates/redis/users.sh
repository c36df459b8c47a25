#!/bin/sh
# Compares and changes the users of the running server. Written by opsctl for {{ member }}.
#   stamp          before a start: notes how this server will show the users of its file
#   read           standard input: "NAME #DIGEST" of each password as it is wanted, or "NAME #";
#                  and "= COMMAND" of each question that is asked in the same session
#                  "= LINE" of what the server replies; "NAME RULES" of each user as last set, or
#                  what differs
#   write NAMES    standard input: opsctl's own password as it shall be (a write before this one may
#                  have set it already), then "NAME RULES" and the ACL SETUSER command, line by line
# The server shows rules in a form of its own that differs between versions. So it is asked what it
# makes of the file (by a scratch server without a port), and compared with itself afterwards.
# The notes are pairs of lines: a user as ACL LIST showed it, less the password's digest, then "NAME
# RULES" as it was set.
umask 077
cli={{ cli }}
server={{ server }}
file={{ acl_file }}
notes={{ stamp }}
scratch=$notes.d
newline='
'
IFS= read -r password <{{ auth_file }} || [ "$password" ] || exit 1

log_in() { printf 'AUTH {{ ops_user }} %s\n' "$password"; }

# What is known before standard input comes. Every plan asks every server, so one awk compares all,
# where a program for each user would take most of a plan's time.
known='
# Before 7.2 the server shows rules in an order that each process makes up anew.
function same(a, b,    n, i, count, in_a, in_b) {
    if (a == b || {{ "1" if ordered else "0" }}) return a == b
    n = split(a, in_a, " ")
    if (split(b, in_b, " ") != n) return 0
    for (i = 1; i <= n; i++) { count[in_a[i]]++; count[in_b[i]]-- }
    for (i in count) if (count[i]) return 0
    return 1
}
function bare(line) {
    if ($4 == "sanitize-payload" && $5 ~ /^#/) sub(/ #[0-9a-f]+/, "", line)
    return line
}
function beyond(line, words) {
    while (words-- > 0) sub(/^[^ ]+ ?/, "", line)
    return line
}
from == "file" && $1 == "user" { rules[$2] = $3 == "off" ? "off" : beyond($0, 5) }
from == "file" && $1 == "user" && $3 == "on" { wanted[$2] = $5 }
from == "notes" && FNR % 2 { noted[name = $2] = $0; next }
from == "notes" { note[name] = beyond($0, 1) }
from != "input" { next }
/^\([a-z]+\)$/ { part = $1; next }
'
compare() {
    [ -f "$notes" ] || : >"$notes"
    awk "$known$1" from=file "$file" from=notes "$notes" from=input -
}

case $1 in
    stamp)
        rm -rf "$scratch" && mkdir "$scratch" && cd "$scratch" || exit 1
        printf 'port 0\nunixsocket scratch.sock\nsave ""\naclfile %s\n' "$file" >scratch.conf
        "$server" scratch.conf {{ server_flag }} >log 2>&1 &
        pid=$!
        shown='' tries=0
        while kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 400 ]; do
            if [ -S scratch.sock ]; then
                shown=$({ log_in; echo 'ACL LIST'; } | "$cli" -s scratch.sock 2>&1)
                # The socket is there a moment before somebody listens.
                case $shown in 'Could not connect'*) ;; *) break ;; esac
            fi
            tries=$((tries + 1))
            sleep 0.05 2>/dev/null || sleep 1
        done
        [ "$tries" -lt 400 ] || echo "a server without a port does not answer in 20 s" >&2
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        if [ "${shown%%[!OK]*}" != OK ]; then
            echo "no server could be asked what it makes of $file: ${shown%%"$newline"*}" >&2
            tail -n 3 log >&2
            exit 1
        fi
        printf '%s\n' "$shown" |
            compare '$1 == "user" { print bare($0); print $2, rules[$2] }' >"$notes.new"
        mv "$notes.new" "$notes" && cd / && rm -rf "$scratch"
        ;;
    read)
        asked='' questions=''
        [ -t 0 ] || while IFS= read -r line; do
            case $line in
                '= '*) questions="$questions${line#= }$newline" ;;
                *) asked="$asked$line$newline" ;;
            esac
        done
        # The users, and then how it logs in to its peers: a user and a password.
        shown=$({ log_in; printf '%s' "$questions"; echo 'PING (users)'; echo 'ACL LIST'; {% for words in login_questions %}echo '{{ words }}'; {% endfor %}} | "$cli" -p {{ port }} 2>&1)
        case $shown in
            OK*) ;;
            *) printf '%s\n' "$shown" >&2; exit 1 ;;
        esac
        digest=$(printf %s "${shown##*"$newline"}" | sha256sum)
{% for file in kept_files %}
        # With what it logs in to the servers it does not say, but keeps in a file of its own.
        kept=$(sed -n 's/^sentinel auth-pass {{ service }} //p' {{ file }} | tr -d '\n' | sha256sum)
        asked="$asked(kept)$newline#${kept%% *}$newline"
{% endfor %}
        printf '(asked)\n%s\n(digest)\n#%s\n(shown)\n%s\n' "$asked" "${digest%% *}" "$shown" | compare '
            part == "(asked)" && $2 != "#" { asked[$1] = wanted[$1] = $2 }
            part == "(digest)" { digest = $1 }
{% if kept_files %}
            part == "(kept)" && NF { kept = $1 }
{% endif %}
            part == "(shown)" { print "=", $0 }
            part != "(users)" { next }
            $1 != "user" { login[++words] = $1; next }  # its name, the user, its name, the password
            {
                held = $3 == "on" && $4 == "sanitize-payload" ? $5 : ""
                if (wanted[$2] != "" && wanted[$2] != held) print $2, "another password"
                else if ($2 in note && same(bare($0), noted[$2])) print $2, note[$2]
                else print $2, "changed by hand"
            }
            END {
                user = "{{ login_user }}"
                if (login[2] != user) print "(login) another user"
                else if (asked[user] != "" && asked[user] != digest) print "(login) another password"
                else print "(login) as in the spec"
{% if kept_files %}
                other = asked["{{ servers_user }}"] != "" && asked["{{ servers_user }}"] != kept
                print "(servers)", other ? "another password" : "as in the spec"
{% endif %}
            }'
        ;;
    write)
        shift
        cd "${notes%/*}" || exit 1
        rules='' commands=''
        IFS= read -r coming
        filed=$password
        [ "$(log_in | "$cli" -p {{ port }} 2>&1)" = OK ] || password=$coming
        while IFS= read -r note && IFS= read -r command; do
            rules="$rules$note
"
            commands="$commands$command
"
        done
        held=$({ log_in; echo 'ACL USERS'; } | "$cli" -p {{ port }}) || exit 1
        gone=$(printf '%s\n' "$held" | sed 1d | while IFS= read -r name; do
            case " $* default " in
                *" $name "*) ;;
                *) printf ' %s' "$name" ;;
            esac
        done)
        # One session: it goes on when the password of its own user changes.
        shown=$({
            log_in
            printf '%s' "$commands"
            [ -z "$gone" ] || echo "ACL DELUSER$gone"
            echo 'ACL LIST'
        } | "$cli" -p {{ port }} 2>&1)
        refused=$(printf '%s\n' "$shown" | grep -v -e '^OK$' -e '^user ' -e '^[0-9]*$' | head -n 1)
        if [ -n "$refused" ]; then
            echo "$refused"
            exit 1
        fi
        printf '(set)\n%s(shown)\n%s\n' "$rules" "$shown" | compare '
            part == "(set)" { set[$1] = beyond($0, 1) }
            part != "(shown)" || $1 != "user" { next }
            $2 in set { print bare($0); print $2, set[$2]; next }
            $2 in note { print noted[$2]; print $2, note[$2] }' >"$notes.new"
        mv "$notes.new" "$notes"
        # Whoever asks from now on, probes too, logs in with what stands there, and a server that
        # starts again lets in whom its file names: all files of a running pod may come much later.
        # Where only root may write they come at once.
        if [ "$coming" != "$filed" ] && [ -w {{ config_dir }} ]; then
            digest=$(printf %s "$coming" | sha256sum)
            cp -p "$file" "$file.new" &&
                sed "s/^\(user {{ ops_user }} on sanitize-payload #\)[0-9a-f]*/\1${digest%% *}/" \
                    "$file" >"$file.new" && mv "$file.new" "$file" || exit 1
            cp -p {{ auth_file }} {{ auth_file }}.new || exit 1
            printf '%s\n' "$coming" >{{ auth_file }}.new && mv {{ auth_file }}.new {{ auth_file }}
        fi
        ;;
esac
