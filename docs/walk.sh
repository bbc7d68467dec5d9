#!/usr/bin/env bash
# Walks every route of a running service with curl, as somebody new would, and says what it saw.
#
#   docs/walk.sh [URL]          by default http://127.0.0.1:8000; the key is $KEY, or that of $DATA_DIR/admin.key
#
# It leaves some events without their user, a revoked key and old versions of a template behind. Exits with 1 when something was not as expected.
set -uo pipefail

URL=${1:-http://127.0.0.1:8000}
DATA_DIR=${DATA_DIR:-var}
KEY=${KEY:-$(cat "$DATA_DIR/admin.key")} || exit 1
ME=walker-$$-$RANDOM
SAID=$(mktemp)
HEADERS=$(mktemp)
trap 'rm -f "$SAID" "$HEADERS"' EXIT
STEPS=0
WRONG=0
GREEN='' RED='' DIM='' BOLD='' PLAIN=''
if [ -t 1 ]; then GREEN=$'\e[32m' RED=$'\e[31m' DIM=$'\e[2m' BOLD=$'\e[1m' PLAIN=$'\e[0m'; fi

title() { printf '\n%s%s%s\n' "$BOLD" "$1" "$PLAIN"; }

# see STATUS METHOD PATH [options of curl]: ask with the admin's key (or $TOKEN; `TOKEN= see …` asks without any)
see() {
    local expected=$1 method=$2 path=$3 status
    local token=${TOKEN-$KEY}
    shift 3
    if [ -n "$token" ]; then set -- --header "Authorization: Bearer $token" "$@"; fi
    if [ "$method" = HEAD ]; then set -- --head "$@"; else set -- --request "$method" "$@"; fi
    : >"$SAID"
    status=$(curl --silent --no-buffer --output "$SAID" --dump-header "$HEADERS" --write-out '%{http_code}' \
        --max-time "${AT_MOST:-30}" "$@" "$URL$path")
    STEPS=$((STEPS + 1))
    if [ "$status" = "$expected" ]; then
        printf '%s✓%s %s %-6s %s\n' "$GREEN" "$PLAIN" "$status" "$method" "$path"
    else
        WRONG=$((WRONG + 1))
        printf '%s✗%s %s %-6s %s  (expected %s)\n' "$RED" "$PLAIN" "$status" "$method" "$path" "$expected"
    fi
    if [ -s "$SAID" ]; then printf '  %s%s%s\n' "$DIM" "$(head -c 200 "$SAID" | tr -c '[:print:]' ' ')" "$PLAIN"; fi
}

# The same, with a JSON body.
json() {
    local expected=$1 method=$2 path=$3 body=$4
    shift 4
    see "$expected" "$method" "$path" --header 'Content-Type: application/json' --data "$body" "$@"
}

# holds TEXT: the last answer has it somewhere
holds() {
    if ! grep -qF -- "$1" "$SAID" "$HEADERS"; then
        WRONG=$((WRONG + 1))
        printf '  %s✗ nothing there says %s%s\n' "$RED" "$1" "$PLAIN"
    fi
}

id_of() { grep -o "$1_[0-9a-f-]\{36\}" "$SAID" | head -1; }
value_of() { grep -o "\"$1\":\"[^\"]*\"" "$SAID" | head -1 | cut -d'"' -f4; }

# until_it_holds TEXT METHOD PATH: ask until the answer has it, for at most half a minute
until_it_holds() {
    local tries
    for tries in $(seq 120); do
        curl --silent --output "$SAID" --header "Authorization: Bearer $KEY" --request "$2" "$URL$3"
        if grep -qF -- "$1" "$SAID"; then break; fi
        sleep 0.25
    done
    see 200 "$2" "$3"
    holds "$1"
}

title "Open to everybody"
TOKEN= see 200 GET /health/live
TOKEN= see 200 GET /health
TOKEN= see 200 GET /metrics
TOKEN= see 200 GET /openapi.json
TOKEN= see 200 GET /docs
TOKEN= see 401 GET "/history/$ME"
holds application/problem+json

title "Keys and tokens"
json 201 POST /keys '{"name": "walker", "scopes": ["events:write"]}'
SERVICE=$(value_of key)
SERVICE_ID=$(id_of key)
json 422 POST /keys '{"name": "walker", "scopes": ["everything"]}'
see 200 GET /keys
holds "$SERVICE_ID"
see 200 POST "/users/$ME/token"
MINE=$(value_of token)

title "What there is"
see 200 GET /event-types
holds job.progress
see 200 GET /channels
holds webhook

title "Preferences"
see 200 GET "/preferences/$ME"
json 200 PUT "/preferences/$ME" "{\"locale\": \"de\", \"timezone\": \"Europe/Berlin\", \"contacts\": {\"email\": \"$ME@example.com\", \"webhook\": {\"url\": \"https://example.com/hook\"}}, \"channels\": {\"webhook\": false}}"
holds whsec_
VERSION=$(tr -d '\r' <"$HEADERS" | sed -n 's/^[Ee][Tt]ag: //p')
see 200 PATCH "/preferences/$ME" --header 'Content-Type: application/merge-patch+json' --header "If-Match: $VERSION" --data '{"daily_at": "08:00"}'
see 412 PATCH "/preferences/$ME" --header 'Content-Type: application/merge-patch+json' --header "If-Match: $VERSION" --data '{"daily_at": "09:00"}'
json 422 PUT "/preferences/$ME" '{"events": {"system.error": {"inapp": "off"}}}'
see 200 POST "/preferences/$ME/webhook/rotate"
holds whsec_
see 202 POST "/preferences/$ME/test/email"
see 409 POST "/preferences/$ME/verify/email"
TOKEN=$MINE json 200 PATCH "/preferences/$ME" "{\"contacts\": {\"email\": \"$ME@example.org\"}}"
holds '"verified":false'
TOKEN=$MINE see 202 POST "/preferences/$ME/verify/email"
TOKEN=$MINE see 422 POST "/preferences/$ME/test/email"
json 200 PATCH "/preferences/$ME" "{\"contacts\": {\"email\": \"$ME@example.com\"}}"
TOKEN= see 404 GET /ui/verify/nothing
TOKEN= see 404 POST /ui/verify/nothing
TOKEN= see 404 GET /unsubscribe/nothing
TOKEN= see 404 POST /unsubscribe/nothing --data List-Unsubscribe=One-Click
json 200 POST /preferences "{\"preferences\": [{\"user_id\": \"$ME\", \"locale\": \"de\"}, {\"locale\": \"de\"}], \"dry_run\": true}"
holds '"rejected":[{"index":1'
see 200 GET '/preferences?limit=1'
holds next_cursor
see 200 GET '/preferences?limit=2' --header 'Accept: application/x-ndjson'
see 200 GET /preferences/_defaults
json 200 PUT /preferences/_defaults "$(cat "$SAID")"
see 200 PATCH /preferences/_defaults --header 'Content-Type: application/merge-patch+json' --data '{}'

title "Events"
json 200 POST /events/explain "{\"type\": \"job.failed\", \"recipients\": [\"$ME\"], \"data\": {\"job_id\": \"j-1\", \"error\": \"disk full\"}}"
holds because
json 200 POST /templates/preview '{"type": "quota.exceeded", "channel": "slack", "locale": "de", "timezone": "Europe/Berlin"}'
holds Kontingent
json 200 POST /templates/preview '{"type": "job.failed", "channel": "email", "pieces": {"subject.txt": "{{ data.job_id }} is a draft"}}'
holds 'is a draft'
json 422 POST /templates/preview '{"type": "job.progress", "channel": "pagerduty"}'
TOKEN=$SERVICE json 202 POST /events "{\"type\": \"job.failed\", \"recipients\": [\"$ME\"], \"data\": {\"job_id\": \"j-1\", \"error\": \"disk full\"}}" --header 'Idempotency-Key: j-1'
EVENT=$(id_of evt)
TOKEN=$SERVICE json 202 POST /events "{\"type\": \"job.failed\", \"recipients\": [\"$ME\"], \"data\": {\"job_id\": \"j-1\", \"error\": \"disk full\"}}" --header 'Idempotency-Key: j-1'
holds "$EVENT"
json 422 POST /events '{"type": "job.exploded", "data": {}}'
json 202 POST /events/batch "{\"events\": [{\"type\": \"job.completed\", \"recipients\": [\"$ME\"], \"data\": {\"job_id\": \"j-2\"}}, {\"type\": \"job.failed\"}]}"
holds rejected
see 202 POST /events --header 'Content-Type: application/json' --header 'ce-specversion: 1.0' --header "ce-id: $ME" --header 'ce-source: /walker' --header 'ce-type: quota.approaching' --header "ce-recipients: $ME" --data '{"resource": "storage", "used": 9, "limit": 10}'
see 202 POST /events --header 'Content-Type: application/cloudevents+json' --data "{\"specversion\": \"1.0\", \"id\": \"$ME-2\", \"source\": \"/walker\", \"type\": \"job.completed\", \"recipients\": \"$ME\", \"data\": {\"job_id\": \"j-3\"}}"
see 202 POST /events --header 'Content-Type: application/cloudevents-batch+json' --data "[{\"specversion\": \"1.0\", \"id\": \"$ME-3\", \"source\": \"/walker\", \"type\": \"job.completed\", \"recipients\": \"$ME\", \"data\": {\"job_id\": \"j-4\"}}]"
json 202 POST /events "{\"type\": \"job.completed\", \"recipients\": [\"$ME\"], \"channels\": [\"inapp\"], \"data\": {\"job_id\": \"j-5\"}, \"deliver_at\": \"2100-01-01T00:00:00Z\"}"
LATER=$(id_of evt)
see 202 DELETE "/events/$LATER"
see 409 DELETE "/events/$LATER"
json 202 POST /events "{\"type\": \"job.completed\", \"recipients\": [\"$ME\"], \"channels\": [\"inapp\"], \"data\": {\"job_id\": \"j-6\"}, \"deliver_at\": \"2100-01-01T00:00:00Z\"}"
see 200 GET "/events/$(id_of evt)"
see 202 DELETE "/notifications/$(id_of ntf)"
until_it_holds '"delivered":2' GET "/events/$EVENT"

title "What became of it"
NOTIFICATION=$(id_of ntf)
see 200 GET "/notifications/$NOTIFICATION"
holds attempts
see 200 GET "/notifications?user_id=$ME&status=cancelled&limit=5"
json 200 POST /notifications/replay "{\"event_id\": \"$EVENT\", \"status\": \"delivered\", \"channel\": \"inapp\", \"dry_run\": true}"
TOKEN=$MINE see 200 GET "/history/$ME?type=job.failed&limit=2"
TOKEN=$MINE see 200 GET "/history/$ME?subject_key=j-1"
see 200 GET "/history/$ME" --header 'Accept: text/csv'
see 200 GET "/history/$ME" --header 'Accept: application/x-ndjson'
see 404 GET /notifications/ntf_nothing

title "The inbox"
TOKEN=$MINE see 200 GET "/inbox/$ME?state=unread"
holds unread_count
ITEM=$(id_of itm)
AT_MOST=2 TOKEN=$MINE see 200 GET "/inbox/$ME/stream" --header 'Last-Event-ID: 0'
holds 'event: notification'
TOKEN=$MINE see 200 POST "/inbox/$ME/ticket"
AT_MOST=2 TOKEN= see 200 GET "/inbox/$ME/stream?ticket=$(value_of ticket)"
holds 'event: unread'
TOKEN=$MINE json 200 PATCH "/inbox/$ME/$ITEM" '{"read": true}'
TOKEN=$MINE json 200 PATCH "/inbox/$ME/$ITEM" '{"archived": true}'
TOKEN=$MINE see 200 POST "/inbox/$ME/read-all"
holds '"unread_count":0'

title "The pages' way in"
TOKEN= see 302 GET /ui/
TOKEN= see 200 GET /ui/inbox
holds sign-in
TOKEN= see 200 GET /ui/preferences
TOKEN= see 200 GET /ui/history
TOKEN= see 200 GET /ui/ops
TOKEN= see 200 GET /ui/demo
TOKEN= see 200 GET /ui/words/inbox/de-AT.json
TOKEN= json 200 POST /ui/session "{\"token\": \"$MINE\"}"
holds csrf_token
TOKEN= json 401 POST /ui/session '{"token": "im2n_nobody"}'
TOKEN=$MINE see 200 GET /ui/session
TOKEN=$MINE see 204 DELETE /ui/session

title "The operators' desk"
see 200 GET /metrics/summary
holds '"unaccounted":0'
json 200 POST /channels/webhook/pause '{"reason": "The walk has come by."}'
holds 'The walk has come by.'
see 200 POST /channels/webhook/resume
json 200 PUT /templates/job.progress/webhook/en '{"subject.txt": "{{ data.job_id }}: {{ data.percent|percent }}"}'
json 422 PUT /templates/job.progress/webhook/en '{"subject.txt": "{% for x in range(10 ** 9) %}{% endfor %}"}'
holds 'line 1: asks for a range'
json 200 PUT /templates/job.progress/webhook/en '{"subject.txt": "{{ data.job_id }}"}'
see 200 GET /templates
see 200 GET /templates/job.progress/webhook/en
see 200 GET /templates/job.progress/webhook/en/versions
see 200 GET '/templates/job.progress/webhook/en/diff?from=0'
json 200 POST /templates/job.progress/webhook/en/rollback '{"version": 1}'
see 204 DELETE /templates/job.progress/webhook/en
see 200 GET '/audit?action=channel.pause&limit=2'
see 204 DELETE "/keys/$SERVICE_ID"
see 202 DELETE "/users/$ME"
holds pseudonym
see 200 GET "/preferences/$ME"
holds '"contacts":{}'

printf '\n%s steps, %s not as expected\n' "$STEPS" "$WRONG"
[ "$WRONG" -eq 0 ]
