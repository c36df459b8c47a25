#!/bin/sh
# Compares and changes the users of the running server. Written by opsctl for {{ member }}.
#   stamp          before a start: notes how this server will show the users of its file
#   read           standard input: "NAME #DIGEST" of each password as it is wanted, or "NAME #"
#                  "NAME RULES" of each user as last set, or what differs
#   write NAMES    standard input: "NAME RULES" and then the ACL SETUSER command, line by line
# The server shows rules in a form of its own that differs between versions. So it is asked what it
# makes of the file (by a scratch server without a port), and compared with itself afterwards.
umask 077
cli={{ cli }}
server={{ server }}
file={{ acl_file }}
stamp={{ stamp }}
scratch=$stamp.d
password=$(cat {{ auth_file }}) || exit 1

log_in() { printf 'AUTH {{ ops_user }} %s\n' "$password"; }

# ACL LIST lines in, "NAME DIGEST" out. Digests, so that no password's digest is shown to anybody.
# Before 7.2 the server shows rules in an order that each process makes up anew: so they are sorted.
digests() {
    while IFS= read -r line; do
        case $line in
            'user '*) ;;
            *) continue ;;
        esac
        name=${line#user }
        name=${name%% *}
        digest=$(printf '%s\n' "$line" | tr ' ' '\n' | {{ "cat" if ordered else "sort" }} | sha256sum)
        echo "$name ${digest%% *}"
    done
}

# NAME: the rules of a user in the file, or "off".
in_file() { sed -n -e "s/^user $1 on sanitize-payload #[0-9a-f]* //p" -e "s/^user $1 off .*/off/p" "$file"; }

# NAME: its line's digest among "NAME DIGEST" lines on standard input.
of() { sed -n "s/^$1 //p"; }

case $1 in
    stamp)
        rm -rf "$scratch" && mkdir "$scratch" && cd "$scratch" || exit 1
        printf 'port 0\nunixsocket scratch.sock\nsave ""\naclfile %s\n' "$file" >scratch.conf
        "$server" scratch.conf {{ server_flag }} >log 2>&1 &
        pid=$!
        tries=0
        while [ ! -S scratch.sock ] && kill -0 "$pid" 2>/dev/null && [ "$tries" -lt 50 ]; do
            tries=$((tries + 1))
            sleep 0.05 2>/dev/null || sleep 1
        done
        shown=$({ log_in; echo 'ACL LIST'; } | "$cli" -s scratch.sock 2>&1)
        kill "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        if [ "${shown%%[!OK]*}" != OK ]; then
            echo "the server refuses the users in $file:" >&2
            tail -n 3 log >&2
            exit 1
        fi
        printf '%s\n' "$shown" | digests | while read -r name digest; do
            echo "$name $digest $(in_file "$name")"
        done >"$stamp.new"
        mv "$stamp.new" "$stamp" && cd / && rm -rf "$scratch"
        ;;
    read)
        asked=$([ -t 0 ] || cat)
        shown=$({ log_in; echo 'ACL LIST'; } | "$cli" -p {{ port }} 2>&1)
        case $shown in
            OK*) ;;
            *) printf '%s\n' "$shown" >&2; exit 1 ;;
        esac
        passwords=$(printf '%s\n' "$shown" | sed -n 's/^user \([^ ]*\) on sanitize-payload \(#[0-9a-f]*\) .*/\1 \2/p')
        printf '%s\n' "$shown" | digests | while read -r name digest; do
            noted=$(of "$name" <"$stamp" 2>/dev/null)
            wanted=$(printf '%s\n' "$asked" | of "$name")
            [ "${wanted#\#}" ] ||
                wanted=$(sed -n "s/^user $name on sanitize-payload \(#[0-9a-f]*\) .*/\1/p" "$file")
            held=$(printf '%s\n' "$passwords" | of "$name")
            if [ -n "$wanted" ] && [ "$wanted" != "$held" ]; then
                echo "$name another password"
            elif [ "${noted%% *}" = "$digest" ]; then
                echo "$name ${noted#* }"
            else
                echo "$name changed by hand"
            fi
        done
        # How it logs in to its peers: a user and a password, of which the digest is compared.
        login=$({ log_in; {% for words in login_questions %}echo '{{ words }}'; {% endfor %}} | "$cli" -p {{ port }})
        digest=$(printf '%s\n' "$login" | sed -n 5p | tr -d '\n' | sha256sum)
        wanted=$(printf '%s\n' "$asked" | of {{ login_user }})
        if [ "$(printf '%s\n' "$login" | sed -n 3p)" != {{ login_user }} ]; then
            echo '(login) another user'
        elif [ "${wanted#\#}" ] && [ "$wanted" != "#${digest%% *}" ]; then
            echo '(login) another password'
        else
            echo '(login) as in the spec'
        fi
        ;;
    write)
        shift
        cd "${stamp%/*}" || exit 1
        rules='' commands=''
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
        printf '%s\n' "$shown" | digests | while read -r name digest; do
            note=$(printf '%s' "$rules" | of "$name")
            noted=$(of "$name" <"$stamp" 2>/dev/null)
            if [ -n "$note" ]; then
                echo "$name $digest $note"
            elif [ -n "$noted" ]; then
                echo "$name $noted"
            fi
        done >"$stamp.new"
        mv "$stamp.new" "$stamp"
        ;;
esac
