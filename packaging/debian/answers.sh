# shellcheck shell=sh
# The answers to the package's questions, and the one settings file that they become. Read by config and by postinst,
# into both of which the build puts it: config runs before anything of the package is unpacked.
#
# The file is the truth. Its answers go back into debconf before a question is asked, so a change by hand is kept; and a
# file that holds anything but answers is the administrator's own, which no script touches.

answers=/etc/huisclos/conf.d/50-debconf.toml

# One value of the file: answer hostnames
answer() {
    [ -f "$answers" ] || return 0
    case $1 in
        hostnames) sed -n 's/^hostnames = \["\([^"]*\)"\]$/\1/p' "$answers" ;;
        certificate | key) sed -n "s/^tls\\.$1 = \"\\([^\"]*\\)\"\$/\\1/p" "$answers" ;;
        administrator) sed -n 's/^# Administrator: \(.*\)$/\1/p' "$answers" ;;
    esac
}

# The file that four answers make: hostname, certificate, key, administrator.
render() {
    echo '# The answers to "dpkg-reconfigure huisclos". Run that to change them, or write a file of your own beside this one:'
    echo '# 60-site.toml is read after it, and wins. A line of your own in this file makes the package leave it alone from then on.'
    [ -z "$4" ] || echo "# Administrator: $4"
    [ -z "$1" ] || echo "hostnames = [\"$1\"]"
    [ -z "$2" ] || { echo "tls.certificate = \"$2\""; echo "tls.key = \"$3\""; }
}

# Whether the file is nothing but what render makes.
ours() {
    [ -e "$answers" ] || [ -L "$answers" ] || return 0
    [ -f "$answers" ] && [ ! -L "$answers" ] || return 1
    [ "$(render "$(answer hostnames)" "$(answer certificate)" "$(answer key)" "$(answer administrator)")" = "$(cat "$answers")" ]
}

# Whether an answer can be used; an empty one always can. The program reads them again, and more strictly.
usable() {
    [ -n "$2" ] || return 0
    # One line only, of characters that need no escape in TOML.
    case $2 in *[![:print:]]* | *\"* | *\\* | *'
'*) return 1 ;; esac
    case $1 in
        hostname)
            [ "${#2}" -le 253 ] || return 1
            printf '%s\n' "$2" | grep -Eqi '^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$' || return 1
            # Four numbers are an address, not a name.
            ! printf '%s\n' "$2" | grep -Eq '^[0-9.]+$'
            ;;
        path) case $2 in /*) ;; *) return 1 ;; esac ;;
        mail) printf '%s\n' "$2" | grep -Eq '^[^[:space:]@<>]+@[^[:space:]@<>]+$' ;;
    esac
}
