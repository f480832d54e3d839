#!/bin/sh
# What an agent keeps is a file with its version; each thing that is done has a line in its log as it begins and one as it ends.
set -eu
home="$JM_VAR_DIR/$JM_JET"
log="$JM_VAR_DIR/$JM_JET.log"
mkdir -p "$JM_VAR_DIR"
echo "$1 begins" >>"$log"
case "$1" in
install | update)
  mkdir -p "$home"
  echo "$JM_VAR_VERSION" >"$home/version"
  ;;
cycle)
  # What somebody else has changed is put right.
  [ "$(cat "$home/version")" = "$JM_VAR_VERSION" ] || echo "$JM_VAR_VERSION" >"$home/version"
  ;;
uninstall)
  rm -rf "$home"
  ;;
esac
sleep "$JM_VAR_SECONDS"
echo "$1 ends" >>"$log"
