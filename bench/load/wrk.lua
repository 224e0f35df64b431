-- One script for all scenarios. Arguments after `--`: requests a write, method, body, then "name: value" headers.
-- A body "@N" is N bytes of filler. The summary comes out as one line of JSON.

function init(arguments)
  wrk.method = arguments[2]
  local filler = arguments[3]:match("^@(%d+)$")
  if filler then
    wrk.body = string.rep("x", tonumber(filler))
  elseif arguments[3] ~= "" then
    wrk.body = arguments[3]
  end
  for at = 4, #arguments do
    local name, value = arguments[at]:match("^([^:]+): (.*)$")
    wrk.headers[name] = value
  end
end

function done(summary, latency)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"microseconds":%d,"bytes":%d,"p50":%d,"p99":%d,"mean":%.2f,' ..
    '"errors":{"connect":%d,"read":%d,"write":%d,"status":%d,"timeout":%d}}\n',
    summary.requests, summary.duration, summary.bytes, latency:percentile(50), latency:percentile(99), latency.mean,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
