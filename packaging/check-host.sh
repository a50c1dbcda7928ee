#!/usr/bin/env bash
# Looks at a Debian machine on which huisclos is installed by hand. Says ok or missing for each recommendation of
# hardening/docs/os-hardening.md; changes nothing. Ends with 1 when something is missing.
set -u

case "${LC_ALL:-${LANG:-}}" in
  fr*) ok="ok" missing="manque" french=1 ;;
  *) ok="ok" missing="missing" french=0 ;;
esac
lacking=0

# say ID RESULT ENGLISH FRENCH
say() {
  local text=$3 word=$ok
  if [ "$french" = 1 ]; then text=$4; fi
  if [ "$2" != 0 ]; then word=$missing lacking=1; fi
  printf '%-8s %s %s\n' "$word" "$1" "$text"
}

# setting PATH WANTED: 0 when the kernel's value is one of WANTED ("1 2")
setting() {
  local value
  value=$(cat "/proc/sys/$1" 2>/dev/null) || return 1
  case " $2 " in *" $value "*) return 0 ;; *) return 1 ;; esac
}

setting kernel/kptr_restrict "1 2"
say H1 $? "kernel addresses are hidden" "les adresses du noyau sont masquées"
setting kernel/dmesg_restrict "1"
say H2 $? "kernel messages are for root" "les messages du noyau sont réservés à root"
setting kernel/yama/ptrace_scope "1 2 3"
say H3 $? "processes cannot trace each other" "les processus ne peuvent se tracer entre eux"
setting fs/protected_symlinks "1"
say H4 $? "symbolic links are guarded" "les liens symboliques sont protégés"
setting fs/suid_dumpable "0"
say H5 $? "privileged programs leave no core file" "les programmes privilégiés ne laissent pas de fichier core"
[ "$(wc -l < /proc/swaps)" -le 1 ]
say H6 $? "no swap (or replace it by encrypted swap)" "pas de swap (ou remplacez-le par un swap chiffré)"
lsblk -nro TYPE 2>/dev/null | grep -q '^crypt$'
say H7 $? "a disk is encrypted" "un disque est chiffré"
! [ -e /var/lib/huisclos/pepper ]
say H8 $? "the pepper is not beside the database" "le poivre n'est pas à côté de la base"
exit "$lacking"
