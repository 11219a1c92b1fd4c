-- Sends the raw requests of a file in turn. A run of ten # in them becomes a number that no other request has.
local file = assert(io.open(os.getenv("BENCH_REQUESTS"), "rb"))
local text = file:read("*a")
file:close()

local templates = {}
for raw in text:gmatch("(.-)%z") do
  local pieces, from = {}, 1
  while true do
    local first, last = raw:find("##########", from, true)
    if not first then break end
    pieces[#pieces + 1] = raw:sub(from, first - 1)
    from = last + 1
  end
  pieces[#pieces + 1] = raw:sub(from)
  templates[#templates + 1] = pieces
end

local sent = tonumber(os.getenv("BENCH_FIRST"))
local count = #templates
if count == 1 and #templates[1] == 1 then
  wrk.format = function() return templates[1][1] end -- wrk asks once and repeats it
else
  function request()
    sent = sent + 1
    -- Multiplied by a number without a common factor with 10^10: each comes once, in no order an index would like.
    local number = string.format("%010.0f", (sent * 618033) % 1e10)
    return table.concat(templates[sent % count + 1], number)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\nBENCH {"seconds": %.6f, "answered": %d, "refused": %d, "broken": %d, "p50_ms": %.3f, "p99_ms": %.3f}\n',
    summary.duration / 1e6, summary.requests, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3))
end
