#!/bin/bash
# step.sh NAME COMMAND...: runs it, and says how long it took.
name=$1
shift
echo "== $name"
start=$SECONDS
"$@"
status=$?
if [ $status -eq 0 ]; then echo "== $name: $((SECONDS - start)) s"; else echo "== $name: failed after $((SECONDS - start)) s" >&2; fi
exit $status
