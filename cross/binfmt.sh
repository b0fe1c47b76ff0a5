#!/bin/bash
# binfmt.sh aarch64|arm: lets the kernel run such programs through qemu-user (binfmt_misc), where nothing does so yet. Needs root.
set -euo pipefail
case ${1:?give aarch64 or arm} in
    aarch64) class=02 machine=b7 ;;
    arm) class=01 machine=28 ;;
    *) echo "binfmt.sh: no architecture $1: give aarch64 or arm" >&2; exit 2 ;;
esac
at=/proc/sys/fs/binfmt_misc
[ -e $at/register ] || mount -t binfmt_misc none $at
# The first bytes of such a program's file, and which of them count.
magic="\\x7fELF\\x$class\\x01\\x01\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x02\\x00\\x$machine\\x00"
mask="\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xfe\\xff\\xff\\xff"
[ -e "$at/qemu-$1" ] || printf '%s\n' ":qemu-$1:M::$magic:$mask:/usr/bin/qemu-$1-static:OCF" >$at/register
