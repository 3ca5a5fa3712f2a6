#!/bin/bash
# sleep in a comment is fine
echo asleep
sleep 1
kill "$1" && sleep 2
