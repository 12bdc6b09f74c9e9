#!/bin/sh
# Starts the server of a container, or says whether it is alive: start.sh [healthy].
set -eu

here=$(cd "$(dirname "$0")" && pwd)
port=${PORT:-8501}
if [ "${1:-}" = healthy ]; then
    exec "$here/venv/bin/python" -c "
import urllib.request
urllib.request.urlopen('http://127.0.0.1:$port/healthz', timeout=4)"
fi
only=
[ "${KIND:-full}" = full ] || only=--api-only
# shellcheck disable=SC2086
exec "$here/venv/bin/carmask" serve --host 0.0.0.0 --port "$port" --public $only
