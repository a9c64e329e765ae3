#!/bin/sh
# The live count with curl. Usage: PROXY=http://127.0.0.1:3000 ADMIN_TOKEN=... sh client.sh
set -eu
PROXY=${PROXY:-http://127.0.0.1:3000}

# The total is public: {"success":true,"liveUsers":3}. With --fail, 502 and 504 are errors, so that
# the 0 in their body is never taken for a count.
curl --silent --show-error --fail "$PROXY/api/live-users"
echo

# With a token there is more: by agent, by country, how sure the number is. The header comes from
# standard input, because other users of this machine can read the arguments of a process.
if [ -n "${ADMIN_TOKEN:-}" ]; then
    printf 'Authorization: Bearer %s\n' "$ADMIN_TOKEN" |
        curl --silent --show-error --fail --header @- "$PROXY/api/live-users/summary"
    echo
fi

# Each change at once, by server-sent events. Ends with the server, or with Ctrl-C.
exec curl --silent --show-error --fail --no-buffer "$PROXY/api/live-users/stream"
