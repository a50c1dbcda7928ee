# shellcheck shell=bash
# What the acts and the start of the machine share: reading a request, judging its values, writing a file so that a cut of
# the power leaves the old one or the new one. Sourced, never run.
#
# A request is lines "key=value", then a line "end": what was cut short is known by that, and refused. An answer is text,
# then "ok" or "error CODE". Nobody is trusted here: the menu has looked at the values, and they are looked at again.

root=${HUISCLOS_ROOT:-}
store=$root/var/lib/appliance
most=4096 # octets in a request
export LC_ALL=C.UTF-8
umask 022

# refuse CODE: the end of an act that changes nothing.
refuse() { echo "error $1"; exit 1; }

# One value a line for each key of the request.
declare -A given=()
has() { [[ -n ${given[$1]+x} ]]; }
# values KEY: its values, one a line.
values() { has "$1" && printf '%s\n' "${given[$1]}"; return 0; }

# parse FILE KEY:MOST …: reads a request; on failure $wrong is the code.
parse() {
  local file=$1 line key ended='' allowed count
  local -A most_of=() counts=()
  shift
  wrong=input
  for allowed; do most_of[${allowed%%:*}]=${allowed#*:}; done
  (($(wc -c <"$file") <= most)) || { wrong=too-long; return 1; }
  # Control characters, among them the zeros that bash can't hold; then what isn't UTF-8.
  [[ $(LC_ALL=C tr -d '\n\040-\176\200-\377' <"$file" | wc -c) == 0 ]] || return 1
  iconv -f UTF-8 -t UTF-8 <"$file" >/dev/null 2>&1 || return 1
  given=()
  while IFS= read -r line; do
    [[ -z $ended ]] || return 1
    [[ $line != end ]] || { ended=yes; continue; }
    [[ $line != *[[:cntrl:]]* && $line =~ ^([a-z]+)=(.+)$ ]] || return 1
    key=${BASH_REMATCH[1]}
    [[ -n ${most_of[$key]+x} ]] || { wrong=unknown-key; return 1; }
    count=$((${counts[$key]:-0} + 1))
    counts[$key]=$count
    ((count <= most_of[$key])) || { wrong=too-many; return 1; }
    given[$key]=${given[$key]+${given[$key]}$'\n'}${BASH_REMATCH[2]}
  done <"$file"
  [[ -n $ended && -z $line ]]
}

# request KEY:MOST …: reads the request of an act from its input. The work folder $work goes away with the act.
request() {
  work=$(mktemp -d) || refuse failed
  trap 'rm -rf "$work"' EXIT
  timeout 20 head -c $((most + 1)) >"$work/request" || refuse input
  parse "$work/request" "$@" || refuse "$wrong"
}

# disk LABEL CODE: the disk of that name, device= where there are several, as $device, and its file system as $kind.
disk() {
  if has device; then
    device=$(values device)
    [[ $device =~ ^/dev/[a-zA-Z0-9][a-zA-Z0-9._-]*$ ]] || refuse device
    [[ $(blkid -p -o value -s LABEL "$device" 2>/dev/null) == "$1" ]] || refuse "$2"
  else
    device=$(blkid -c /dev/null -L "$1") && [[ -n $device ]] || refuse "$2"
  fi
  # shellcheck disable=SC2034 # whoever asks reads it
  kind=$(blkid -p -o value -s TYPE "$device") || refuse disk-kind
}

# only SUFFIX NONE SEVERAL: the one regular file of that name on the disk that is mounted, as $found.
only() {
  local all=() one
  for one in "$root/mnt"/*"$1"; do [[ -L $one || ! -f $one ]] || all+=("$one"); done
  ((${#all[@]} > 0)) || refuse "$2"
  ((${#all[@]} == 1)) || { printf '%s\n' "${all[@]##*/}" | LC_ALL=C tr -cd '\n\40-\176'; refuse "$3"; }
  # shellcheck disable=SC2034 # whoever asks reads it
  found=${all[0]}
}

# --- values -----------------------------------------------------------------------------------------------------------

# An IPv4 address that one machine can have.
is_ipv4() {
  local part='(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])'
  [[ $1 =~ ^$part\.$part\.$part\.$part$ ]] || return 1
  local first=${BASH_REMATCH[1]}
  ((first != 0 && first != 127 && first < 224))
}

# An IPv6 address that one machine can have: groups of four, one gap at most; no IPv4 inside, no zone.
is_ipv6() {
  local text=${1,,} rest groups group
  [[ ${#text} -le 39 && $text =~ ^[0-9a-f:]+$ && $text != *:::* && $text != *::*::* ]] || return 1
  [[ $text == ::* || $text != :* ]] && [[ $text == *:: || $text != *: ]] || return 1
  rest=${text//::/:}
  rest=${rest#:}
  rest=${rest%:}
  IFS=: read -ra groups <<<"$rest"
  for group in "${groups[@]}"; do [[ $group =~ ^[0-9a-f]{1,4}$ ]] || return 1; done
  if [[ $text == *::* ]]; then ((${#groups[@]} <= 7)); else ((${#groups[@]} == 8)); fi || return 1
  # Nobody, oneself, and groups of machines.
  [[ $text != ff* && ! $text =~ ^[0:]+1?$ ]]
}

is_ip() { is_ipv4 "$1" || is_ipv6 "$1"; }

# An address with the length of its network's part.
is_cidr() {
  [[ $1 =~ ^([^/]+)/([1-9][0-9]{0,2})$ ]] || return 1
  local address=${BASH_REMATCH[1]} length=${BASH_REMATCH[2]}
  if is_ipv4 "$address"; then ((length <= 32)); else is_ipv6 "$address" && ((length <= 128)); fi
}

# A host name (RFC 1123), in lower case; four numbers are an address.
is_hostname() {
  local label='[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?'
  [[ ${#1} -le 253 && $1 =~ ^($label\.)*$label$ && ! $1 =~ ^[0-9.]+$ ]]
}

is_server() { is_ip "$1" || is_hostname "$1"; }

# each TEST KEY CODE: every value of the key passes the test; else $wrong is the code.
each() {
  local value
  while IFS= read -r value; do "$1" "$value" || { wrong=$3; return 1; }; done < <(values "$2")
}

# --- the settings of the machine: check_… judges what was given, put_… writes it ------------------------------------------

check_network() {
  local value four='' six='' gates4=0 gates6=0
  wrong=mode
  case $(values mode) in
    dhcp) ! has address && ! has gateway || { wrong=unexpected; return 1; } ;;
    static) has address || { wrong=address; return 1; } ;;
    *) return 1 ;;
  esac
  each is_cidr address address && each is_ip gateway gateway && each is_ip dns dns || return 1
  while IFS= read -r value; do if [[ $value == *:* ]]; then six=yes; else four=yes; fi; done < <(values address)
  wrong=gateway
  while IFS= read -r value; do
    if [[ $value == *:* ]]; then
      [[ -n $six ]] && ((++gates6 == 1)) || return 1
    else
      [[ -n $four ]] && ((++gates4 == 1)) || return 1
    fi
  done < <(values gateway)
}

# lines KEY NAME: "NAME=value" for each value of the key.
lines() { local value; while IFS= read -r value; do echo "$2=$value"; done < <(values "$1"); }

put_network() {
  {
    printf '[Match]\nType=ether\n\n[Network]\nLLMNR=no\nMulticastDNS=no\n'
    if [[ $(values mode) == dhcp ]]; then echo 'DHCP=yes'; else printf 'DHCP=no\nIPv6AcceptRA=no\nLinkLocalAddressing=ipv6\n'; fi
    lines address Address
    lines gateway Gateway
    lines dns DNS
    ! has dns || [[ $(values mode) != dhcp ]] || printf '\n[DHCPv4]\nUseDNS=no\n\n[DHCPv6]\nUseDNS=no\n\n[IPv6AcceptRA]\nUseDNS=no\n'
  } | put "$store/network/10-huisclos.network" 0644
}

# The names, and the addresses that a router or a firewall in front of the machine has in its stead.
check_names() { wrong=hostname; has hostname && each is_hostname hostname hostname && each is_ip public public; }

# quoted KEY NAME: a list in the settings file; the values have no quote and no backslash in them.
quoted() {
  local value list=''
  while IFS= read -r value; do list+="${list:+, }\"$value\""; done < <(values "$1")
  echo "$2 = [$list]"
}

put_names() {
  { echo '# Written by the console menu or the seed.'; quoted hostname hostnames; ! has public || quoted public public_addresses; } |
    put "$store/etc-huisclos/conf.d/20-console.toml" 0644 &&
    echo "${given[hostname]%%$'\n'*}" | put "$store/hostname" 0644
}

check_ntp() { wrong=ntp; has ntp && each is_server ntp ntp; }

put_ntp() { local server; while IFS= read -r server; do echo "server $server iburst"; done < <(values ntp) | put "$store/ntp.sources" 0644; }

check_keyboard() {
  wrong=layout
  has layout && [[ $(values layout) =~ ^[a-z]{2}(-[a-z]{2,8})?$ && -f $root/usr/share/huisclos/keyboards/$(values layout) ]] || return 1
  wrong=language
  has language && [[ $(values language) =~ ^(fr|en)$ ]]
}

put_keyboard() { values language | put "$store/language" 0644 && values layout | put "$store/keyboard" 0644; }

# --- files --------------------------------------------------------------------------------------------------------------

# put FILE MODE [GROUP]: writes its input as the file: all of it is on the disk before the name is given to it.
put() {
  local folder=${1%/*} new
  [[ -d $folder ]] || mkdir -p "$folder" || return 1
  new=$(mktemp "$folder/.new-XXXXXX") || return 1
  if cat >"$new" && chmod "$2" "$new" && { [[ -z ${3:-} ]] || chgrp "$3" "$new"; } && sync "$new" && mv -fT "$new" "$1"; then
    sync "$folder"
  else
    rm -f "$new"
    return 1
  fi
}

# Puts in place, for this run of the machine, what is stored.
use_network() { place "$store/network/10-huisclos.network" "$root/run/systemd/network/10-huisclos.network"; }
use_ntp() { place "$store/ntp.sources" "$root/run/chrony-dhcp/huisclos.sources"; }
# Whether the clock follows a server.
synchronised() { [[ -e $root/run/huisclos-clock/synchronised ]]; }
use_hostname() { [[ ! -f $store/hostname ]] || cat "$store/hostname" >"$root/proc/sys/kernel/hostname"; }
# The kernel's own layout is that of the United States. A machine without a screen has no keyboard; an image may leave a layout out again.
use_keyboard() {
  local layout
  [[ -f $store/keyboard && -e $root/dev/tty0 ]] || return 0
  layout=$root/usr/share/huisclos/keyboards/$(cat "$store/keyboard")
  [[ ! -f $layout ]] || loadkeys --quiet --unicode --console="$root/dev/tty0" "$layout" >&2
}
place() { [[ ! -f $1 ]] || put "$2" 0644 <"$1"; }
