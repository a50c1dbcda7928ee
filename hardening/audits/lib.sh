# What the audits share. A script sets audit, and sources this; then: begin "$@", its tools, end.
# Sets host, port, ca, work, local, code; findings and facts are files of lines.
# shellcheck shell=bash disable=SC2034,SC2154,SC2015
PATH="$PATH:/usr/sbin:/sbin"
results=hardening/audits/results/$audit.txt
exceptions=${EXCEPTIONS:-hardening/audits/exceptions.txt}
served=''

# Without an address the built program is started in a namespace where only it listens, under a name that only that
# namespace knows, with a certificate of an authority made for it.
begin() {
  .ci/need "${tools[@]}" go unshare ip openssl
  if (($# == 0)) && [[ ${HUISCLOS_AUDIT:-} != inside ]]; then
    [[ -x bin/huisclos ]] || { echo "There is no bin/huisclos: make build" >&2; exit 1; }
    go build -o build/audit-probe ./hardening/audits/probe
    local flags=(--net --mount)
    ((EUID == 0)) || flags+=(--map-root-user)
    HUISCLOS_AUDIT=inside exec unshare "${flags[@]}" "$0"
  fi
  started=$SECONDS
  work=$(mktemp -d)
  findings=$work/findings facts=$work/facts
  : >"$findings"
  : >"$facts"
  trap 'finish' EXIT
  if (($#)); then
    (($# == 3)) || { echo "usage: $0 [HOST PORT CA-FILE]" >&2; exit 2; }
    local=''
    host=$1 port=$2 ca=$(realpath "$3")
    mkdir -p build
    go build -o build/audit-probe ./hardening/audits/probe
  else
    local=yes
    host=visio.example.test port=443 ca=$work/ca.pem
    ip link set lo up
    printf '127.0.0.1 localhost %s\n' "$host" >"$work/hosts"
    mount --bind "$work/hosts" /etc/hosts
    serve
  fi
}

serve() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-384 -nodes -keyout "$work/ca.key" -out "$ca" -days 365 -subj '/CN=Audit authority' \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$work/key.pem" -out "$work/request.pem" -subj "/CN=$host" 2>/dev/null
  openssl x509 -req -in "$work/request.pem" -CA "$ca" -CAkey "$work/ca.key" -CAcreateserial -days 180 -out "$work/cert.pem" -extfile <(printf '%s\n' \
    "subjectAltName=DNS:$host" basicConstraints=critical,CA:FALSE keyUsage=critical,digitalSignature extendedKeyUsage=serverAuth \
    authorityKeyIdentifier=keyid subjectKeyIdentifier=hash) 2>/dev/null
  chmod 600 "$work/key.pem"
  # shellcheck disable=SC2086
  ${AUDIT_SERVER:-bin/huisclos} serve --listen ":$port" --data "$work/data" --hostname "$host" --tls-certificate "$work/cert.pem" --tls-key "$work/key.pem" >"$work/served" 2>&1 &
  served=$!
  local end=$((SECONDS + 30))
  until grep -q 'Ctrl+C' "$work/served"; do
    kill -0 "$served" 2>/dev/null && ((SECONDS < end)) || { cat "$work/served"; echo "the appliance doesn't start" >&2; exit 1; }
    sleep 0.2
  done
  code=$(sed -nE 's/.*Set-up code +(\S.*\S) *$/\1/p' "$work/served" | head -n 1)
}

finish() {
  [[ -z $served ]] || { kill "$served" 2>/dev/null; wait "$served" || true; }
  [[ -n ${KEEP:-} ]] || rm -rf "$work"
}

# take FILE: lines "finding …" and "seen …" of a tool.
take() {
  sed -n 's/^finding //p' "$1" >>"$findings"
  sed -n 's/^seen //p' "$1" >>"$facts"
}

# end VERSIONS…: what is neither excepted nor in the list fails; so do exceptions and lines of the list that are no more.
end() {
  local bad=0 id rest
  sort -u -o "$findings" "$findings"
  sort -u -o "$facts" "$facts"
  cut -d ' ' -f 1 "$findings" | sort -u >"$work/ids"
  sed -nE "s/^$audit +(\S+) +→ .+/\1/p" "$exceptions" | sort -u >"$work/excepted"
  while read -r id rest; do
    grep -qxF -- "$id" "$work/excepted" && continue
    echo "FINDING: $id $rest"
    bad=1
  done <"$findings"
  [[ -s $facts ]] || { echo "the audit saw nothing" >&2; bad=1; }
  while read -r id; do
    echo "Nothing finds $id any more: take it out of $exceptions"
    # Another appliance may lack what ours has.
    [[ -z $local ]] || bad=1
  done < <(comm -13 "$work/ids" "$work/excepted")
  { sed 's/^/excepted /' "$findings"; sed 's/^/seen /' "$facts"; } >"$work/list"
  if [[ -n ${UPDATE:-} && -n $local ]]; then
    if ((bad)); then echo "The list isn't written while there are findings."; else
      {
        echo "# $audit, $(date -u +%F), commit $(git rev-parse --short=12 HEAD), Debian $(cat /etc/debian_version)"
        printf '# %s\n' "$@"
        cat "$work/list"
      } >"$results"
    fi
  elif [[ -n $local ]]; then
    [[ -f $results ]] || { echo "There is no $results: UPDATE=1 writes it"; bad=1; }
    comm -23 <(sort "$work/list") <(grep -v '^#' "$results" | sort) >"$work/new"
    comm -13 <(sort "$work/list") <(grep -v '^#' "$results" | sort) >"$work/gone"
    [[ ! -s $work/new ]] || { sed 's/^/NEW: /' "$work/new"; bad=1; }
    [[ ! -s $work/gone ]] || { sed 's/^/GONE, shrink the list (UPDATE=1): /' "$work/gone"; bad=1; }
  else
    cat "$work/list"
  fi
  echo "$audit: $(grep -c . "$findings" || true) findings of which $(comm -12 "$work/ids" "$work/excepted" | wc -l) kinds are excepted, $(grep -c . "$facts") facts, $((SECONDS - started)) s"
  exit "$bad"
}
version() { dpkg-query -W -f '${Package} ${Version}\n' "$@"; }
