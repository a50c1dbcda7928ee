# Of the login that the menu can allow: its files are its own, and it ends after ten idle minutes.
umask 077
if [ -n "${BASH_VERSION-}" ]; then
  declare -xr TMOUT=600
fi
