# No core dumps. The login that the menu can allow ends after ten idle minutes.
ulimit -c 0
if [ -n "${BASH_VERSION-}" ]; then
  declare -xr TMOUT=600
fi
