#!/bin/bash
cd "$1"
echo `ls` $unset_by_nobody
[ $2 == x ] && rm -rf "$1/"*
